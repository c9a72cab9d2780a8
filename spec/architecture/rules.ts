/**
 * The house rules as data: who may know whom, what may not be written where (and what to write instead), and who is excused.
 * `inspect.ts` reads this table; `architecture.spec.ts` applies it to every file.
 */

/** What one floor, or one room of it, may import. The first row whose `at` begins a file's path speaks for that file. */
export interface FloorRule {
  readonly at: string;
  /** Paths (ending in `/` for a whole folder, `*` for one name), package names, `node:*` for any platform module, `npm:*` for any package. */
  readonly may: readonly string[];
  /** Exceptions to `may`. */
  readonly mayNot?: readonly string[];
  /** Allowed by `import()` alone, so that nobody pays who does not ask, and as types, which cost nothing. */
  readonly lazily?: readonly string[];
}

export const floorRules: readonly FloorRule[] = [
  // `machines/errors` holds `assert`: an invariant is stated next to where it matters, on the hot path too. `machines/phase-table` holds
  // the steps of small state machines there.
  { at: 'machines/dataplane/', may: ['machines/dataplane/', 'machines/ports', 'machines/errors', 'machines/phase-table'] },
  { at: 'machines/', may: ['machines/', 'xstate'] },
  {
    at: 'adapters/cli/',
    may: ['adapters/', 'machines/', 'transports/', 'visualizer/', 'node:*', 'npm:*'],
    mayNot: ['zod'],
    lazily: ['spec/', 'zod'],
  },
  // A schema library beside a session halves what it carries (`spec/decisions/0008`).
  {
    at: 'adapters/',
    may: ['adapters/', 'machines/', 'transports/identity/', 'node:*', 'npm:*'],
    mayNot: ['adapters/cli/', 'zod'],
    lazily: ['zod'],
  },
  {
    at: 'transports/',
    may: [
      'transports/',
      // `machines/errors` holds `SessionError`: an address nobody can read is the caller's mistake. `machines/wire-phases` is the table of
      // phases that the wires of all transports share, and `machines/phase-table` takes its steps.
      // `machines/loopback` says what this machine is, for security refusals at every door alike.
      ...['machines/ports', 'machines/errors', 'machines/phase-table', 'machines/wire-phases', 'machines/loopback'],
      'adapters/*/codec',
      'adapters/tuna/metadata',
      ...['node:net', 'node:tls', 'node:http', 'node:https', 'node:dns', 'node:dns/promises', 'node:dgram', 'node:os'],
      ...['node:crypto', 'node:stream', 'node:events', 'node:buffer', 'node:module', 'ws'],
    ],
  },
  {
    at: 'visualizer/server/',
    may: ['visualizer/', 'machines/', 'xstate', 'node:*', 'ws', 'elkjs', 'esbuild', '@statelyai/inspect'],
    mayNot: ['visualizer/page/'],
  },
  // Bundled into one script for browsers: it shares facts with the recorder, and nothing that runs.
  {
    at: 'visualizer/page/',
    may: ['visualizer/page/', 'visualizer/words', 'visualizer/recording/plain', 'visualizer/recording/memory', 'preact'],
    lazily: ['visualizer/recording/format', 'visualizer/graph'],
  },
  // Readers of recordings validate them with a schema library. A recorder runs beside sessions and must not load one.
  { at: 'visualizer/reader/', may: ['visualizer/', 'machines/', 'zod'], mayNot: ['visualizer/server/'] },
  // `node:path` and `node:url` name the files that `node:fs` writes.
  {
    at: 'visualizer/',
    may: ['visualizer/', 'machines/', 'xstate', 'node:fs', 'node:fs/promises', 'node:path', 'node:url'],
    mayNot: ['visualizer/server/', 'visualizer/reader/'],
    // Only who asks for a picture needs a layout.
    lazily: ['elkjs'],
  },
  { at: 'spec/', may: ['spec/', 'machines/', 'adapters/', 'transports/', 'visualizer/', 'node:*', 'npm:*'] },
];

/**
 * The rooms of `machines/`, lowest first. A file may import from its own room and from lower floors: never from a higher floor, and
 * never from another room of its own floor. What stands directly in `machines/` and is named nowhere here is the ground: facts, ports
 * and small services that every room may use.
 */
export const rooms: readonly (readonly string[])[] = [
  ['machines/*'],
  ['machines/dataplane/'],
  ['machines/runtime/'],
  ['machines/session-handle'],
  ['machines/redial.service', 'machines/protocol'],
  ['machines/protocol.setup'],
  ['machines/connection/'],
  ['machines/streams/', 'machines/resume/', 'machines/ship/', 'machines/pool/', 'machines/tuna/'],
  [...['machines/hub/admission', 'machines/hub/certificate-expiry', 'machines/hub/registry', 'machines/hub/wire-tracker']],
  ['machines/hub/events'],
  ['machines/hub/dial/'],
  ['machines/hub/hub-state'],
  ['machines/hub/accept/'],
  ['machines/hub/'],
  ['machines/engine'],
  ['machines/embed'],
  ['machines/rendezvous/', 'machines/phase-tables'],
  ['machines/index'],
];

/** Where import circles, and imports against the direction of `rooms`, are excused for a while. */
export const circleExemptions: readonly { readonly within: string; readonly because: string }[] = [];

/** A global or a keyword that may not be used under `at`, and what to write instead. Naming a method so is allowed. */
export interface Ban {
  readonly at: string;
  readonly words: readonly string[];
  readonly instead: string;
}

export const bans: readonly Ban[] = [
  { at: 'machines/', words: ['Date', 'performance'], instead: 'the `now` argument, a named delay, or the `Clock` port' },
  { at: 'machines/', words: ['Math.random', 'crypto'], instead: 'the `Random` or `Entropy` port' },
  {
    at: 'machines/',
    words: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'process'],
    instead: '`after` with a named delay in a chart, or the `Clock` port',
  },
  { at: 'machines/', words: ['console'], instead: 'nothing: the inspector speaks for machines, counters for planes' },
  { at: 'machines/', words: ['Buffer'], instead: 'a plain `Uint8Array`: machines run in browsers too' },
  {
    at: 'machines/dataplane/',
    words: ['async', 'await', 'Promise'],
    instead: 'a synchronous method; whoever waits is told by a signal',
  },
  {
    at: 'transports/',
    words: ['Date.now', 'performance'],
    instead: 'nothing: a transport has no clock; the pump reads it',
  },
  { at: 'transports/', words: ['Math.random'], instead: 'a number handed in by the caller' },
  {
    at: 'transports/',
    words: ['setTimeout', 'setInterval'],
    instead: 'an event the chart can wait for; phases are timed by `after`, not by transports',
  },
  { at: 'transports/', words: ['console'], instead: 'a `WireCause`: the chart sees it and the log prints it' },
];

/** A ceiling, not a target: 100 to 300 lines are usual. Stories told by tests may be longer. */
export const linesMax = 400;
export const mayBeLong: readonly string[] = ['spec/'];

/** Who is excused from what, and why. An excuse nobody needs any more fails the test. */
export interface Exemption {
  readonly file: string;
  /** The imported module, the banned word, or `length`. */
  readonly from: string;
  readonly because: string;
}

export const exemptions: readonly Exemption[] = [
  {
    file: 'transports/websocket.browser.ts',
    from: 'setTimeout',
    because: 'A browser has no event for room in a WebSocket; `bufferedAmount` can only be asked again.',
  },
];

/** What may stand at the top of the repository, besides dot files and what `.gitignore` names. */
export const topLevel: readonly string[] = [
  ...['adapters', 'findings', 'machines', 'spec', 'transports', 'visualizer'],
  ...['CHANGELOG.md', 'LICENSE', 'README.md', 'jest.config.ts', 'package-lock.json', 'package.json', 'tsconfig.json'],
];
