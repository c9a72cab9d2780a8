import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { EMPTY } from 'rxjs';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { TrustFile, type OwnIdentity } from '../../adapters/identity/index.js';
import { ConnectionManager, pool } from '../../adapters/pool/index.js';
import { createNode, makeNodeKey, signingWith } from '../../adapters/rendezvous/index.js';
import * as rendezvous from '../../adapters/rendezvous/index.js';
import { resume } from '../../adapters/resume/index.js';
import * as rx from '../../adapters/rx.js';
import * as shipping from '../../adapters/ship/index.js';
import { Keeper, StreamError, TransferError, TunnelEntrance, TunnelExit } from '../../adapters/streams/index.js';
import { FileSource, PipeSource, Receiver } from '../../adapters/streams/transfer/index.js';
import * as tunas from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { ConnectError, SessionError, UndeliveredError } from '../../adapters/index.js';
import * as charts from '../../machines/index.js';
import { memory } from '../../transports/memory.js';
import { shipTransport } from '../../transports/ship.js';
import { tcp } from '../../transports/tcp.js';
import { tls } from '../../transports/tls.js';
import { websocket as pageWebsocket } from '../../transports/websocket.browser.js';
import { websocket } from '../../transports/websocket.js';
import { devNull } from 'node:os';
import * as drawing from '../../visualizer/index.js';
import { RecordingFile } from '../../visualizer/files.js';
import { LiveFeed } from '../../visualizer/server/index.js';
import { entriesOf, nameOf } from '../api/report.js';
import { Lan } from '../ship/lan.js';
import { checkHeld, persisted } from './held.js';

const { ship, tuna } = { ...shipping, ...tunas };
const root = join(__dirname, '../..');

let me: OwnIdentity;
let folder: string;
let shipTrust: shipping.ShipTrustFile;
let file: FileSource;
let trustFile: TrustFile;
let sealed: Awaited<ReturnType<typeof tunaIdentity>>;
let mdns: shipping.Discovery;
beforeAll(async () => {
  me = await shipping.makeShipIdentity();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-held-'));
  shipTrust = await shipping.ShipTrustFile.open(join(folder, 'ship.json'));
  trustFile = await TrustFile.open(join(folder, 'trust'));
  file = await FileSource.of(__filename, 'it');
  sealed = await tunaIdentity(new Uint8Array(32).fill(7));
  const lan = new Lan();
  const playedHost = { open: lan.open, addressesOfHost: () => [], ports: { clock: lan.clock, random: lan.random } };
  mdns = await shipping.mdnsDiscovery({ ski: me.ski!, shipId: 'me', ...playedHost });
});
afterAll(async () => {
  await mdns.close?.();
  await file.close();
  await shipTrust.close();
  rmSync(folder, { recursive: true, force: true });
});

const ID = 'a'.repeat(64);
const KEY = makeNodeKey();
const clock = { soon: queueMicrotask, setTimeout, clearTimeout, now: () => performance.now(), wall: () => 0 };
/** Its timer would keep the tests from ending. */
const stopped = <R extends { stop(): void }>(recorder: R): R => (recorder.stop(), recorder);
const engine = (): Engine => createEngine({ transports: [tcp()], protocols: [resume()] });
const keeper = (): Keeper => new Keeper(engine(), 'tcp://127.0.0.1:1');
const peers = { isTrusted: () => true, mayWait: () => true, shipIdOf: () => undefined, learn: () => {} };
const closing = { side: 'local', code: 'closed', reason: '', retry: false } as const;
const connection = {
  closed: Promise.resolve(closing),
  states: [],
  boundaries: 'message',
  onMessage: undefined,
  send: () => Promise.resolve(),
  write: () => true,
  close: () => Promise.resolve(),
} as unknown as Connection;
const query = tunas.staticAddresses({ me: ['tcp://127.0.0.1:1'] });

/** What each public factory and constructor gives, and the words that it is known by in text. */
const MADE: Readonly<Record<string, readonly [make: () => unknown, words: object]>> = {
  'holdfast createEngine': [engine, { protocols: ['resume'], connections: 0 }],
  'holdfast ConnectError': [() => new ConnectError(closing, 'tcp://127.0.0.1:1'), { closing: { code: 'closed' } }],
  'holdfast SessionError': [() => new SessionError('bad-option', 'wrong'), { code: 'bad-option' }],
  'holdfast UndeliveredError': [() => new UndeliveredError('unknown', 'gone', { cause: closing }), { code: 'unknown' }],
  'holdfast/machines startEngine': [() => charts.startEngine(engine().ports, engine().options), { protocols: ['resume'] }],
  'holdfast/machines fromEngine': [() => charts.fromEngine(engine), {}],
  'holdfast/machines fromConnection': [() => charts.fromConnection(), {}],
  'holdfast/adapters/resume resume': [() => resume(), { protocol: 'resume', delivery: 'acknowledged', boundaries: 'message' }],
  'holdfast/adapters/tuna tuna': [() => tuna(), { protocol: 'tuna', delivery: 'acknowledged', boundaries: 'stream' }],
  'holdfast/adapters/tuna tuna, with an identity': [() => tuna({ identity: sealed }), { protocol: 'tuna' }],
  'holdfast/adapters/tuna/nacl tunaIdentity': [() => sealed, {}],
  'holdfast/adapters/tuna addressesOver': [() => tunas.addressesOver(connection), {}],
  'holdfast/adapters/tuna directExit': [() => tunas.directExit(), {}],
  'holdfast/adapters/tuna relayAddresses': [() => tunas.relayAddresses({ send: () => Promise.resolve('') }), {}],
  'holdfast/adapters/tuna resolverOf': [() => tunas.resolverOf(query), {}],
  'holdfast/adapters/tuna staticAddresses': [() => query, {}],
  'holdfast/adapters/pool pool': [() => pool({ identity: 'stated', id: ID }), { protocol: 'pool', delivery: 'handed-over' }],
  'holdfast/adapters/pool pool, bare': [() => pool({ identity: 'by-address' }), { protocol: 'pool' }],
  'holdfast/adapters/pool ConnectionManager': [
    () => new ConnectionManager({ id: ID, identity: 'stated', transports: [tcp()], resolver: { resolve: () => [] } }),
    { id: ID, connections: 0 },
  ],
  'holdfast/adapters/rendezvous createNode': [
    () => createNode({ key: KEY, transports: [tcp()] }),
    { phase: 'disconnected', peers: 0 },
  ],
  'holdfast/adapters/rendezvous createNode, the protocol of its engine': [
    () => createNode({ key: KEY, transports: [tcp()] }).engine.options.protocols[0],
    { protocol: 'rendezvous' },
  ],
  'holdfast/adapters/rendezvous signedMessages': [() => rendezvous.lettersOf(signingWith(KEY)), {}],
  'holdfast/adapters/rendezvous signingWith': [() => signingWith(KEY), {}],
  'holdfast/adapters/ship ship': [
    () => ship({ ski: me.ski!, shipId: 'me', peers }),
    { protocol: 'ship', delivery: 'handed-over' },
  ],
  'holdfast/adapters/ship Hub': [
    () => new shipping.Hub({ ski: me.ski!, shipId: 'me', transports: [shipTransport({ identity: me })] }),
    { connections: 0 },
  ],
  'holdfast/adapters/ship ShipTrustFile': [() => shipTrust, { services: 0 }],
  'holdfast/adapters/ship discoveryResolver': [() => shipping.discoveryResolver(shipping.staticDiscovery()), {}],
  'holdfast/adapters/ship makeShipCodec': [() => shipping.makeShipCodec(), {}],
  'holdfast/adapters/ship mdnsDiscovery': [() => mdns, { discovery: 'mdns', services: 0 }],
  'holdfast/adapters/ship memoryTrust': [() => shipping.memoryTrust(), { trust: 'memory', services: 0 }],
  'holdfast/adapters/ship staticDiscovery': [() => shipping.staticDiscovery(), { discovery: 'static', services: 0 }],
  'holdfast/adapters/streams ReconnectingSession': [keeper, { address: 'tcp://127.0.0.1:1', isConnected: false }],
  'holdfast/adapters/streams TunnelEntrance': [
    () => new TunnelEntrance(keeper()),
    { address: 'tcp://127.0.0.1:1', connections: 0 },
  ],
  'holdfast/adapters/streams TunnelExit': [
    () => new TunnelExit({ host: 'localhost', port: 22 }),
    { target: { host: 'localhost', port: 22 } },
  ],
  'holdfast/adapters/streams Receiver': [() => new Receiver({ directory: 'in' }), { directory: 'in', underWay: 0 }],
  'holdfast/adapters/streams PipeSource': [() => new PipeSource(new Readable(), 'it'), { name: 'it', size: null }],
  'holdfast/adapters/streams FileSource': [() => file, { name: 'it' }],
  'holdfast/adapters/streams StreamError': [() => new StreamError('reset', { cause: closing }), { code: 'reset' }],
  'holdfast/adapters/streams TransferError': [() => new TransferError('io', 'gone'), { code: 'io' }],
  'holdfast/adapters/identity TrustFile': [() => trustFile, { peers: 0 }],
  'holdfast/adapters/rx closed': [() => rx.closed(connection), {}],
  'holdfast/adapters/rx closings': [() => rx.closings(engine()), {}],
  'holdfast/adapters/rx events': [() => rx.events(engine()), {}],
  'holdfast/adapters/rx messages': [() => rx.messages(connection), {}],
  'holdfast/adapters/rx processMessages': [() => rx.processMessages(connection, () => EMPTY), {}],
  'holdfast/adapters/rx states': [() => rx.states(connection), {}],
  'holdfast/transports/tcp tcp': [() => tcp(), { name: 'tcp', schemes: ['tcp'] }],
  'holdfast/transports/tls tls': [() => tls({ identity: me }), { name: 'tls', secure: true }],
  'holdfast/transports/websocket websocket': [() => websocket(), { name: 'ws' }],
  'holdfast/transports/websocket websocket, with an identity': [() => websocket({ identity: me }), { name: 'wss' }],
  'holdfast/transports/websocket.browser websocket': [() => pageWebsocket(), { name: 'websocket' }],
  'holdfast/transports/ship shipTransport': [() => shipTransport({ identity: me }), { name: 'wss' }],
  'holdfast/transports/memory memory': [() => memory({ clock }), { name: 'memory' }],
  'holdfast/visualizer createRecorder': [() => stopped(drawing.createRecorder(clock, { write: () => {} })), { name: 'recorder' }],
  'holdfast/visualizer record': [() => stopped(drawing.record(engine(), { write: () => {} })), { name: 'recorder' }],
  'holdfast/visualizer RecordingMemory': [() => new drawing.RecordingMemory(), {}],
  'holdfast/visualizer/files RecordingFile': [() => new RecordingFile(devNull), { path: devNull }],
  'holdfast/visualizer/server LiveFeed': [() => new LiveFeed(), {}],
  'holdfast/visualizer createTranscript': [() => drawing.createTranscript({ clock: performance }), { lines: [] }],
};

/** What `persisting.spec.ts` holds, made the way that an application comes by it. */
const ELSEWHERE = [
  'holdfast Engine',
  'holdfast/adapters/messages messagesOver',
  'holdfast/adapters/streams SessionStream',
  'holdfast/adapters/streams StreamSession',
  'holdfast/adapters/tuna TunaListener',
];

/** What gives text, bytes, numbers, nothing, or a plain record of those: there is nothing in it that could lead anywhere. */
const VALUES = [
  ...['expectedKeyIdentifier', 'expectedKeyIdentifierIn', 'fingerprintOf', 'keyIdentifierOf', 'parseFingerprint', 'publicKeyOf'],
  ...['loadIdentity', 'makeIdentity', 'readIdentity', 'saveIdentity', 'peerId', 'makeNodeKey', 'makeShipIdentity'],
  ...['candidatesOf', 'fromQrText', 'toQrText', 'normaliseSki', 'shipAdvice', 'skiMatchesKey', 'skiOf', 'stringifyPayload'],
  ...['decodeFrame', 'encodeFrame', 'sendFiles', 'answerAddresses', 'answerRelay'],
  ...['compare', 'draw', 'drift', 'write', 'svgOf', 'drawings', 'pictures', 'mermaidOf', 'sketchOf', 'childrenOf', 'stateText'],
  ...['storyOf', 'applyLine', 'stateAt', 'stateBehind', 'readRecording', 'RecordingError'],
  ...['titleOf', 'wordsOf', 'serveFeed', 'serveLive', 'serveRecording', 'transitionsOf', 'graphOf'],
  ...['socketSettings', 'offer'], // Internal ones of `tcp`.
];

/** Charts of XState, and what leads to them. They are code: a context that holds one is XState's own matter. */
const CODE = ['chartsOf', 'tablesOf'];

describe('handles: what every public factory gives may stand in the context of a user’s machine', () => {
  test.each(Object.keys(MADE))('%s says who it is, and leads nowhere', (name) => {
    const [make, words] = MADE[name]!;
    const made = make();
    checkHeld(made, [made], { made });
    expect(typeof made === 'function' ? {} : JSON.parse(JSON.stringify(made))).toMatchObject(words);
    if (typeof made === 'object') expect(JSON.parse(persisted(made))).toMatchObject({ context: { held: { it: words } } });
  });

  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string | null> };
  // Tools for tests are in nobody's context.
  const entries = entriesOf(exports).filter(({ subpath }) => !subpath.startsWith('./spec/'));
  const exported = entries.flatMap((entry) =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- What there is decides what is tested.
    Object.entries(require(join(root, entry.source)) as object).map(([name, value]): [string, unknown] => [
      `${nameOf(entry)} ${name}`,
      value,
    ]),
  );

  test('every function and class that the package exports is in one of the lists, and the lists name nothing else', () => {
    const callables = exported.filter(([, value]) => typeof value === 'function').map(([name]) => name);
    const listed = new Set([...Object.keys(MADE).map((name) => name.split(',')[0]!), ...ELSEWHERE]);
    const plain = [...VALUES, ...CODE];
    const isPlain = (name: string): boolean => plain.includes(name.split(' ')[1]!);
    const values = new Set(exported.filter(([name]) => listed.has(name)).map(([, value]) => value));
    const again = (name: string): boolean => values.has(new Map(exported).get(name)); // Exported twice, or under an older name.
    expect(callables.filter((name) => !listed.has(name) && !isPlain(name) && !again(name))).toEqual([]);
    expect([...listed].filter((name) => !callables.includes(name))).toEqual([]);
    expect(plain.filter((name) => !callables.some((each) => each.endsWith(` ${name}`)))).toEqual([]);
  });

  test('every other object that the package exports, but for charts: codecs, limits, tables', () => {
    const objects = exported.filter(([, value]) => typeof value === 'object' && value !== null);
    const plain = objects.filter(([name]) => !name.startsWith('holdfast/machines '));
    expect(plain.length).toBeGreaterThan(10);
    for (const [, value] of plain) expect(() => persisted(value)).not.toThrow();
  });
});

describe('protocols: a copy made by spreading', () => {
  const copies: Readonly<Record<string, () => object>> = {
    spreading: () => ({ ...resume(), connectionsMax: 1 }),
    'Object.assign': () => Object.assign({}, resume(), { connectionsMax: 1 }),
    'spreading a copy': () => ({ ...{ ...resume() }, connectionsMax: 1 }),
  };
  test.each(Object.keys(copies))('by %s works as the protocol does, and may stand in a context as well', async (how) => {
    const copy = copies[how]!() as ReturnType<typeof resume>;
    checkHeld(copy);
    const server = createEngine({ transports: [tcp()], protocols: [copy], listen: ['tcp://127.0.0.1:0'] });
    const client = createEngine({ transports: [tcp()], protocols: [Object.freeze({ ...copy })] });
    try {
      await server.start();
      await client.start();
      const connected = await client.connect(server.addresses[0]!);
      await connected.send(Uint8Array.of(1));
      expect([connected.state, server.options.protocols[0]!.connectionsMax]).toEqual(['completed', 1]);
      checkHeld(server.options, connected);
    } finally {
      await client.shutdown();
      await server.shutdown();
    }
  });

  test('with a chart of its own has that chart', () => {
    const { machine } = tuna();
    const [protocol] = createEngine({ transports: [tcp()], protocols: [{ ...resume(), machine }] }).options.protocols;
    expect(protocol!.machine).toBe(machine);
  });

  test('without any chart is refused where the engine is made', () => {
    const without = JSON.parse('{}') as ReturnType<typeof resume>;
    Object.assign(without, { name: 'mine', makeSession: () => {}, identify: () => {} });
    expect(() => createEngine({ transports: [tcp()], protocols: [without] })).toThrow(
      'createEngine.protocols.0: expected a protocol with its chart (`machine`), e.g. resume()',
    );
  });
});
