import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { againstDirection, circles, importGraph, type ImportGraph } from './architecture/circles.js';
import { inspect, type Complaint } from './architecture/inspect.js';
import { allPrivateNames, HOMES_OF_PRIVATE_NAMES, privateNamesIn } from './architecture/private-names.js';
import { EXPECTED_SHAPES } from '../machines/runtime/xstate-internals.js';
import { circleExemptions, exemptions, rooms, topLevel } from './architecture/rules.js';

const root = join(__dirname, '..');
const floors = ['machines', 'adapters', 'transports', 'visualizer', 'spec'];
/** Programs with a package of their own, which only tests start. */
const strangers = ['spec/bench'];

describe('architecture: the house', () => {
  const complaints = floors.flatMap(sourcesUnder).flatMap((file) => inspect(file, readFileSync(join(root, file), 'utf8')));
  const isExcused = ({ file, found }: Complaint): boolean => exemptions.some((each) => each.file === file && each.from === found);

  test('every file keeps to its floor, its words and its length', () => {
    expect(complaints.filter((each) => !isExcused(each)).map(sentence)).toEqual([]);
  });

  test('every exemption has a reason and is still needed', () => {
    const idle = exemptions.filter(({ file, from }) => !complaints.some((each) => each.file === file && each.found === from));
    expect(idle).toEqual([]);
    expect(exemptions.filter(({ because }) => because.length < 20)).toEqual([]);
  });

  test('the top of the repository holds the five floors and the usual papers', () => {
    const ignored = readFileSync(join(root, '.gitignore'), 'utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '');
    const isIgnored = (name: string): boolean =>
      ignored.some((line) => (line.startsWith('*') ? name.endsWith(line.slice(1)) : name === line.replace(/\/$/, '')));
    const strange = readdirSync(root).filter((name) => !name.startsWith('.') && !topLevel.includes(name) && !isIgnored(name));
    expect(strange).toEqual([]);
  });
});

describe('architecture: imports', () => {
  const sources = ['machines', 'adapters', 'transports', 'visualizer'].flatMap(sourcesUnder);
  const graph = importGraph(new Map(sources.map((file) => [file, readFileSync(join(root, file), 'utf8')])));
  const isExempt = (modules: readonly string[]): boolean =>
    circleExemptions.some(({ within }) => modules.every((module) => module.startsWith(within)));
  const ends = (arrow: string): string[] => arrow.split(' -> ');

  test('form no circle; types count', () => {
    expect(circles(graph).filter((circle) => !isExempt(circle))).toEqual([]);
  });

  test('go from higher rooms of machines/ to lower ones; a new file beside the rooms is ground unless `rooms` names it', () => {
    expect(againstDirection(graph, rooms).filter((arrow) => !isExempt(ends(arrow)))).toEqual([]);
  });

  test('have exemptions that are still needed', () => {
    const found = [...circles(graph), ...againstDirection(graph, rooms).map(ends)];
    const idle = circleExemptions.filter(({ within }) => !found.some((modules) => modules.every((m) => m.startsWith(within))));
    expect(idle).toEqual([]);
    expect(circleExemptions.filter(({ because }) => because.length < 20)).toEqual([]);
  });

  test('every room is there', () => {
    const isEmpty = (room: string): boolean => ![...graph.keys()].some((module) => `${module}/`.startsWith(room));
    expect(rooms.flat().filter((room) => !room.includes('*') && isEmpty(room))).toEqual([]);
  });

  const graphOf = (files: Readonly<Record<string, string>>): ImportGraph => importGraph(new Map(Object.entries(files)));

  test.each<[what: string, files: Record<string, string>, found: string[][]]>([
    [
      'two modules that know each other',
      { 'a/b.ts': `import { c } from './c.js';`, 'a/c.ts': `import type { B } from './b.js';` },
      [['a/b', 'a/c']],
    ],
    [
      'a longer way round, over a re-export and a type in a type',
      {
        'a.ts': `export * from './b.js';`,
        'b.ts': `let x: import('./c.js').X;`,
        'c.ts': `const a = () => import('./a.js');`,
        'd.ts': `import './a.js';`,
      },
      [['a', 'b', 'c']],
    ],
    [
      'two circles that share no module',
      { 'a.ts': `import './b.js';`, 'b.ts': `import './a.js'; import './c.js';`, 'c.ts': `import './c.js';` },
      [['c'], ['a', 'b']],
    ],
    [
      'no circle in two ways to one module',
      {
        'a.ts': `import './b.js'; import './c.js';`,
        'b.ts': `import './d.js';`,
        'c.ts': `import './d.js';`,
        'd.ts': `import 'ws';`,
      },
      [],
    ],
  ])('the finder of circles sees %s', (_, files, found) => {
    expect(circles(graphOf(files))).toEqual(found);
  });

  test.each<[from: string, to: string, isAllowed: boolean]>([
    ['machines/hub/a', 'machines/ports', true],
    ['machines/backoff', 'machines/errors', true],
    ['machines/closing', 'machines/connection/connection.api', false],
    ['machines/protocol', 'machines/hub/registry', false],
    ['machines/hub/dial/a', 'machines/hub/a', false],
    ['machines/hub/a', 'machines/hub/dial/a', true],
    ['machines/hub/dial/a', 'machines/hub/accept/a', false],
    ['machines/resume/a', 'machines/ship/a', false],
    ['machines/resume/a', 'machines/resume/b', true],
    ['machines/rendezvous/a', 'machines/engine', true],
    ['machines/ports', 'machines/engine', false],
    ['adapters/a', 'machines/index', true],
  ])('%s may import %s: %s', (from, to, isAllowed) => {
    const graph = new Map([
      [from, [to]],
      [to, []],
    ]);
    expect(againstDirection(graph, rooms)).toEqual(isAllowed ? [] : [`${from} -> ${to}`]);
  });
});

describe('architecture: the inspector of the house sees', () => {
  const refused: readonly (readonly [what: string, file: string, text: string, found: string])[] = [
    ['a machine that imports a package', 'machines/a.ts', `import { z } from 'zod';`, 'zod'],
    ['a machine that imports a platform module', 'machines/a.ts', `import net from 'node:net';`, 'node:net'],
    ['a machine that knows an adapter', 'machines/hub/a.ts', `import { x } from '../../adapters/log.js';`, 'adapters/log'],
    ['a type import', 'machines/a.ts', `import type { X } from '../transports/tcp.js';`, 'transports/tcp'],
    ['a type inside a type', 'machines/a.ts', `let x: import('../transports/tcp.js').X;`, 'transports/tcp'],
    ['a re-export', 'machines/a.ts', `export * from "../spec/sim/clock.js";`, 'spec/sim/clock'],
    ['a bare import', 'machines/a.ts', `import '../adapters/node.js';`, 'adapters/node'],
    ['an import over several lines', 'machines/a.ts', `import {\n  a,\n  b,\n} from 'ws';`, 'ws'],
    ['a lazy import', 'machines/a.ts', `const x = () => import('ws');`, 'ws'],
    ['a require', 'machines/a.ts', `const x = require('ws');`, 'ws'],
    ['a computed import', 'transports/a.ts', `const x = import(name);`, 'import()'],
    ['an import through the front door', 'machines/a.ts', `import { createEngine } from 'holdfast';`, 'adapters/index'],
    ['a plane that knows XState', 'machines/dataplane/a.ts', `import { setup } from 'xstate';`, 'xstate'],
    ['a plane that knows the hub', 'machines/dataplane/a.ts', `import { x } from '../hub/registry.js';`, 'machines/hub/registry'],
    ['an async plane', 'machines/dataplane/a.ts', `export async function f() {}`, 'async'],
    ['a plane that awaits', 'machines/dataplane/a.ts', `for await (const x of y) f(x);`, 'await'],
    ['a plane that promises', 'machines/dataplane/a.ts', `let x: Promise<void>;`, 'Promise'],
    ['an adapter that knows a transport', 'adapters/index.ts', `import { tcp } from '../transports/tcp.js';`, 'transports/tcp'],
    ['an adapter that knows the command line', 'adapters/a.ts', `import { x } from './cli/main.js';`, 'adapters/cli/main'],
    [
      'an eager proof on the command line',
      'adapters/cli/a.ts',
      `import { run } from '../../spec/sim/index.js';`,
      'spec/sim/index',
    ],
    [
      'a transport that knows the hub',
      'transports/a.ts',
      `import { x } from '../machines/hub/accept/identify.service.js';`,
      'machines/hub/accept/identify.service',
    ],
    [
      'a transport that knows a protocol',
      'transports/a.ts',
      `import { x } from '../adapters/ship/index.js';`,
      'adapters/ship/index',
    ],
    ['a schema library beside a session', 'adapters/a.ts', `import { z } from 'zod';`, 'zod'],
    ['a transport with a strange package', 'transports/a.ts', `import x from 'express';`, 'express'],
    ['a picture that opens a socket', 'visualizer/a.ts', `import { createServer } from 'node:http';`, 'node:http'],
    [
      'a picture that knows the server',
      'visualizer/live.ts',
      `import { x } from './server/index.js';`,
      'visualizer/server/index',
    ],
    ['a recorder with a schema library', 'visualizer/recording/a.ts', `import { z } from 'zod';`, 'zod'],
    [
      'a recorder that knows the reader',
      'visualizer/recording/a.ts',
      `import { x } from '../reader/index.js';`,
      'visualizer/reader/index',
    ],
    ['Date.now', 'machines/a.ts', `const x = Date.now();`, 'Date.now'],
    ['new Date', 'machines/a.ts', `const x = new Date();`, 'Date'],
    ['performance.now', 'transports/a.ts', `const x = performance.now();`, 'performance.now'],
    ['Math.random', 'machines/a.ts', `const x = Math.random();`, 'Math.random'],
    ['crypto', 'machines/a.ts', `const x = crypto.randomUUID();`, 'crypto.randomUUID'],
    ['setTimeout', 'machines/a.ts', `setTimeout(f, 5);`, 'setTimeout'],
    ['setTimeout handed on', 'machines/a.ts', `const clock = { setTimeout };`, 'setTimeout'],
    ['setTimeout behind globalThis', 'transports/a.ts', `globalThis.setTimeout(f, 5);`, 'setTimeout'],
    ['setInterval', 'machines/a.ts', `const x = setInterval(f, 5);`, 'setInterval'],
    ['queueMicrotask', 'machines/a.ts', `queueMicrotask(f);`, 'queueMicrotask'],
    ['process.nextTick', 'machines/a.ts', `process.nextTick(f);`, 'process.nextTick'],
    ['console in a machine', 'machines/a.ts', `console.log(1);`, 'console.log'],
    ['console in a transport', 'transports/a.ts', `console.error(1);`, 'console.error'],
    ['Buffer in a machine', 'machines/a.ts', `const x = Buffer.alloc(5);`, 'Buffer.alloc'],
    ['a file of 401 lines', 'adapters/a.ts', 'let x;\n'.repeat(401), 'length'],
    ['a file on no floor', 'helpers/a.ts', ``, 'helpers/a.ts'],
  ];

  test.each(refused)('%s', (_, file, text, found) => {
    expect(inspect(file, text).map((each) => each.found)).toEqual([found]);
  });

  test('and says where, and what to write instead', () => {
    expect(inspect('machines/a.ts', `// Why.\nconst x = Math.random();`).map(sentence)).toEqual([
      'machines/a.ts:2: not `Math.random`, but the `Random` or `Entropy` port',
    ]);
  });
});

describe('architecture: the inspector of the house lets pass', () => {
  const allowed: readonly (readonly [what: string, file: string, text: string])[] = [
    ['words in comments and strings', 'machines/a.ts', `// Date.now()\n/** console.log */ const x = 'await setTimeout(';`],
    ['a port with the names of a clock', 'machines/ports.ts', `interface Clock { setTimeout(f: () => void): void }`],
    ['a scheduler used by its methods', 'machines/a.ts', `class A { setTimeout() { this.clock.setTimeout(f); } }`],
    ['machines on XState', 'machines/a.ts', `import { setup } from 'xstate';\nimport { x } from './dataplane/pump.js';`],
    ['a plane on its ports', 'machines/dataplane/a.ts', `import type { Wire } from '../ports.js';`],
    [
      'codecs and identities in a transport',
      'transports/a.ts',
      `import '../adapters/tuna/codec.js';\nimport './identity/fingerprint.js';`,
    ],
    [
      'a server that serves',
      'visualizer/server/a.ts',
      `import { createServer } from 'node:http';\nimport { live } from '../live.js';`,
    ],
    ['a lazy proof on the command line', 'adapters/cli/a.ts', `const { run } = await import('../../spec/sim/index.js');`],
    ['a type of a proof on the command line', 'adapters/cli/a.ts', `import type { Run } from '../../spec/sim/index.js';`],
    ['the platform behind its name', 'adapters/index.ts', `export * from '#platform';`],
    [
      'a proof that knows all',
      'spec/a.ts',
      `import '../adapters/cli/main.js';\nimport fc from 'fast-check';\nsetTimeout(console.log);`,
    ],
    ['a long story', 'spec/a.spec.ts', 'let x;\n'.repeat(401)],
    ['a file of 400 lines', 'adapters/a.ts', 'let x;\n'.repeat(400)],
  ];

  test.each(allowed)('%s', (_, file, text) => {
    expect(inspect(file, text).map(sentence)).toEqual([]);
  });
});

describe('architecture: private names of XState', () => {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');

  test(`are used in ${HOMES_OF_PRIVATE_NAMES.join(' and ')} alone`, () => {
    expect(
      sourcesUnder('machines')
        .flatMap((file) => privateNamesIn(file, read(file)))
        .map(sentence),
    ).toEqual([]);
  });

  test('are all checked at load: a version of XState that lacks one is noticed before an engine runs on it', () => {
    const checked = new Set(Object.values(EXPECTED_SHAPES).flatMap((shape) => Object.keys(shape)));
    const used = allPrivateNames(HOMES_OF_PRIVATE_NAMES.map(read).join('\n'));
    expect(used.length).toBeGreaterThan(8);
    expect(used.filter((name) => !checked.has(name))).toEqual([]);
  });

  test.each([
    ['read', 'snapshot._nodes;'],
    ['called', 'actor._send(event);'],
    ['called where it may be missing', 'actor?._parent?.send(event);'],
    ['read by its text', `system['_relay'](a, b, c);`],
    ['taken apart', 'const { _parent: parent } = self;'],
    ['taken apart by its own name', 'const { _nodes, value } = snapshot;'],
    ['in a type', `type Nodes = Snapshot['_nodes'];`],
    ['declared', 'interface Actor { _stop(): void; readonly _processingStatus: number }'],
    ['set', 'const draft = { _nodes: [] };'],
    ['without an underscore', 'system.scheduler.cancelAll(actor);'],
    ['of history', 'snapshot.historyValue;'],
  ])('are found where one is %s', (_, text) => {
    expect(privateNamesIn('machines/a.ts', text).length).toBeGreaterThan(0);
    for (const home of HOMES_OF_PRIVATE_NAMES) expect(privateNamesIn(home, text)).toEqual([]);
  });

  test.each(['fn((_, word) => word);', 'const [_first, second] = list;', '// system._relay', `const text = '_nodes';`])(
    'are not found in %s',
    (text) => {
      expect(privateNamesIn('machines/a.ts', text)).toEqual([]);
    },
  );
});

function sentence({ file, line, found, instead }: Complaint): string {
  return `${file}:${line}: not \`${found}\`, but ${instead}`;
}

/** Paths from the root, with forward slashes on every system. */
function sourcesUnder(folder: string): readonly string[] {
  if (strangers.includes(folder) || !existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sourcesUnder(path);
    return /\.[cm]?tsx?$/.test(entry.name) ? [path] : [];
  });
}
