import { createEngine } from '../adapters/index.js';
import { makeIdentity, parseFingerprint, TrustFile } from '../adapters/identity/index.js';
import { messagesOver } from '../adapters/messages.js';
import { ConnectionManager, peerId, pool, POOL_LIMITS } from '../adapters/pool/index.js';
import { createNode, makeNodeKey, RENDEZVOUS_LIMITS, signingWith } from '../adapters/rendezvous/index.js';
import { resume, RESUME_LIMITS } from '../adapters/resume/index.js';
import * as shipping from '../adapters/ship/index.js';
import * as streams from '../adapters/streams/index.js';
import * as tunas from '../adapters/tuna/index.js';
import { tunaIdentity } from '../adapters/tuna/nacl.js';
import { processMessages } from '../adapters/rx.js';
import { REDIAL } from '../machines/backoff.js';
import { memory } from '../transports/memory.js';
import { shipTransport } from '../transports/ship.js';
import { tcp } from '../transports/tcp.js';
import { tls } from '../transports/tls.js';
import { websocket as pageWebsocket } from '../transports/websocket.browser.js';
import { websocket } from '../transports/websocket.js';
import { resumeMachine } from '../machines/index.js';
import { RecordingFile } from '../visualizer/files.js';
import { createRecorder, createTranscript, record, RecordingMemory } from '../visualizer/index.js';
import { LiveFeed, serveFeed, serveRecording } from '../visualizer/server/index.js';
import { explore, freeModel } from './model/index.js';
import { runWorld, SeededRandom, SimClock, SimNetwork } from './sim/index.js';

/** What callers without types may hand in. */
type Call = (argument: never) => unknown;
const of = (call: Call): ((argument: unknown) => unknown) => call as (argument: unknown) => unknown;
const engine = createEngine({ transports: [tcp()], protocols: [resume()] });
const clock = { soon: queueMicrotask, setTimeout, clearTimeout };
const ID = 'a'.repeat(64);

/** Factories that take one object of options, with options that are right. */
const OPTIONS: Readonly<Record<string, readonly [Call, object]>> = {
  createEngine: [createEngine, { transports: [tcp()], protocols: [resume()] }],
  resume: [resume, {}],
  tuna: [tunas.tuna, {}],
  pool: [pool, { identity: 'by-address' }],
  ship: [shipping.ship, { ski: 'a'.repeat(40), shipId: 'me', peers: { isTrusted: () => true, mayWait: () => true, shipIdOf: () => undefined, learn: () => {} } }], // prettier-ignore
  Hub: [(o: never) => new shipping.Hub(o), { ski: 'a'.repeat(40), shipId: 'me', transports: [tcp()] }],
  createNode: [createNode, { key: makeNodeKey(), transports: [tcp()] }],
  ConnectionManager: [(o: never) => new ConnectionManager(o), { id: ID, identity: 'stated', transports: [tcp()], resolver: { resolve: () => [] } }], // prettier-ignore
  tcp: [tcp, {}],
  tls: [tls, {}],
  websocket: [websocket, {}],
  'websocket of browsers': [pageWebsocket, {}],
  memory: [memory, { clock }],
  shipTransport: [shipTransport, {}],
  makeShipCodec: [shipping.makeShipCodec, {}],
  makeIdentity: [makeIdentity, {}],
  makeShipIdentity: [shipping.makeShipIdentity, {}],
  mdnsDiscovery: [shipping.mdnsDiscovery, { ski: 'a'.repeat(40), shipId: 'me' }],
  directExit: [tunas.directExit, {}],
  relayAddresses: [(o: never) => tunas.relayAddresses({ send: () => Promise.resolve('') }, o), {}],
  Receiver: [(o: never) => new streams.Receiver(o), { directory: 'in' }],
  TunnelExit: [(o: never) => new streams.TunnelExit(o), { host: 'a', port: 1 }],
  'TrustFile.open': [(o: never) => TrustFile.open('/nosuch/trust', o), {}],
  StreamSession: [(o: never) => new streams.StreamSession({ onMessage: undefined } as never, o), {}],
  sendFiles: [(o: never) => streams.sendFiles({ open: () => Promise.reject(new Error('it went on')) } as never, [], o), {}],
  ReconnectingSession: [(o: never) => new streams.ReconnectingSession(engine, 'tcp://127.0.0.1:1', o), {}],
  answerRelay: [(o: never) => tunas.answerRelay({ onMessage: () => {} }, { addresses: () => [] } as never, o), {}],
  tunaIdentity: [(o: never) => tunaIdentity(new Uint8Array(32), o), {}],
  processMessages: [(o: never) => processMessages({} as never, () => [], o), {}],
  createTranscript: [createTranscript, { clock: performance }],
  serveFeed: [(o: never) => serveFeed(new LiveFeed(), o), {}],
  serveRecording: [(o: never) => serveRecording([], o), {}],
  LiveFeed: [(o: never) => new LiveFeed(o), {}],
  record: [(o: never) => record(engine, { write: () => {} } as never, o), {}],
  createRecorder: [(o: never) => createRecorder(performance as never, { write: () => {} }, o), {}],
  RecordingMemory: [(o: never) => new RecordingMemory(o), {}],
  RecordingFile: [(o: never) => new RecordingFile('/nosuch/recording', o), {}],
  explore: [(o: never) => explore(freeModel(resumeMachine), o), {}],
  SimNetwork: [(o: never) => new SimNetwork(new SimClock(), new SeededRandom(1), o), {}],
  runWorld: [runWorld, { seed: 1 }],
  'ShipTrustFile.open': [(o: never) => shipping.ShipTrustFile.open('/nosuch/trust', o), {}],
};
/** Those that take something else. */
const OTHERS: Readonly<Record<string, Call>> = {
  messagesOver,
  addressesOver: tunas.addressesOver,
  resolverOf: tunas.resolverOf,
  memoryTrust: shipping.memoryTrust,
  staticDiscovery: shipping.staticDiscovery,
  'tunaIdentity, a seed': tunaIdentity,
  freeModel,
  'ReconnectingSession, an engine': (o: never) => new streams.ReconnectingSession(o, 'tcp://127.0.0.1:1'),
};
/** Those that take text: text that is none of theirs, or no text at all. */
const TEXTS: Readonly<Record<string, Call>> = {
  signingWith,
  peerId,
  parseFingerprint,
  normaliseSki: shipping.normaliseSki,
  fromQrText: shipping.fromQrText,
  'TrustFile.open, a path': (o: never) => TrustFile.open(o === 'x' ? ('' as never) : o),
  'ShipTrustFile.open, a path': (o: never) => shipping.ShipTrustFile.open(o === 'x' ? ('' as never) : o),
  'ReconnectingSession, an address': (o: never) => new streams.ReconnectingSession(engine, o === 'x' ? ('' as never) : o),
};

/** Every value is refused by a `SessionError` with a code: thrown, or by the promise. */
async function refused(call: Call, argument: unknown): Promise<string> {
  try {
    await of(call)(argument);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return code === 'bad-option' ? message : `!! not named: ${message}`;
  }
  return '!! not refused';
}
const named = (name: string): RegExp => new RegExp(name.split(/[ .,]/)[0]!.slice(0, 9), 'i');

describe('factories: wrong options are named, with what was expected', () => {
  test.each(Object.keys({ ...OPTIONS, ...OTHERS, ...TEXTS }))('%s: null, a number, a list, a function, text', async (name) => {
    const call = OPTIONS[name]?.[0] ?? OTHERS[name] ?? TEXTS[name]!;
    const isNew = name === 'staticAddresses';
    for (const wrong of [null, 5, [1], ...(isNew ? [] : [() => {}]), 'x'])
      expect([name, wrong, await refused(call, wrong)]).toEqual([name, wrong, expect.not.stringMatching(/^!!/) as string]);
  });

  test.each(Object.keys(OPTIONS))('%s: an option that there is not', async (name) => {
    const [call, right] = OPTIONS[name]!;
    const message = await refused(call, { ...right, nosuch: 1 });
    expect(message).toMatch(/no option "nosuch"/);
    expect(message).toMatch(named(name));
  });

  const LIMITS: Readonly<Record<string, readonly [call: Call, names: readonly string[], right: object, inside?: string]>> = {
    resume: [resume, Object.keys(RESUME_LIMITS), {}],
    tuna: [tunas.tuna, Object.keys(tunas.TUNA_LIMITS).filter((name) => name !== 'isStream'), {}],
    pool: [pool, Object.keys(POOL_LIMITS), { identity: 'by-address' }],
    ship: [shipping.ship, [...Object.keys(shipping.SHIP_TIMING), ...Object.keys(shipping.SHIP_LIMITS)], OPTIONS['ship']![1]],
    createNode: [createNode, Object.keys(RENDEZVOUS_LIMITS), OPTIONS['createNode']![1], 'limits'],
    createEngine: [createEngine, ['burst', 'perSecond', 'burstPerTarget', 'perSecondPerTarget', 'bytesQueuedMax', 'openingsMax'], OPTIONS['createEngine']![1], 'limits'], // prettier-ignore
    tcp: [tcp, ['connectTimeoutMs', 'keepAliveMs'], {}],
    relayAddresses: [OPTIONS['relayAddresses']![0], ['attempts', 'intervalMs', 'timeoutMs'], {}],
    makeIdentity: [makeIdentity, ['validDays'], {}],
    makeShipCodec: [shipping.makeShipCodec, ['bytesMax', 'depthMax'], {}],
    memory: [memory, ['highWaterBytes', 'bufferedBytesMax'], { clock }],
  };
  test.each(Object.keys(LIMITS))('%s: every number and every duration is a finite one of at least 0', async (factory) => {
    const [call, names, right, inside] = LIMITS[factory]!;
    expect(names.length).toBeGreaterThan(0);
    for (const name of names)
      for (const wrong of [NaN, ...(name === 'reconnectWindowMs' ? [] : [Infinity]), -1, '1s', null]) {
        const options = inside === undefined ? { ...right, [name]: wrong } : { ...right, [inside]: { [name]: wrong } };
        const message = await refused(call, options);
        expect([name, wrong, message]).toEqual([name, wrong, expect.stringContaining(`${name}: expected`) as string]);
      }
  });

  test.each(['resume', 'tuna'])('%s: a redial policy has a kind, its own waits and nothing else, all finite', async (name) => {
    const [call] = OPTIONS[name]!;
    const exponential = { kind: 'exponential', baseMs: 1, capMs: 1, immediateIfLivedMs: 1 };
    for (const right of [...Object.values(REDIAL), exponential, { kind: 'constant', delayMs: 0, retriesMax: 3 }])
      expect([right, await refused(call, { redial: right })]).toEqual([right, '!! not refused']);
    for (const [wrong, where] of [
      [null, 'redial: expected a redial policy'],
      ['fast', 'redial: expected a redial policy'],
      [5, 'redial: expected a redial policy'],
      [{}, "redial.kind: expected 'bands', 'exponential' or 'constant'"],
      [{ kind: 'toString' }, 'redial.kind: expected'],
      ...[NaN, Infinity, -1, '1s', undefined].map((bad) => [{ ...exponential, capMs: bad }, 'redial.capMs: expected a finite']),
      [{ ...exponential, spacingMs: Infinity }, 'redial.spacingMs'],
      [{ ...exponential, delayMs: 5 }, 'redial: there is no option "delayMs"'],
      [{ kind: 'constant', delayMs: NaN }, 'redial.delayMs'],
      [{ kind: 'constant', delayMs: 1, retriesMax: Infinity }, 'redial.retriesMax'],
      [{ kind: 'bands', bands: [] }, 'redial.bands'],
      [{ kind: 'bands', bands: [{ fromMs: 0, toMs: Infinity }] }, 'redial.bands.0.toMs'],
    ] as const)
      expect([wrong, await refused(call, { redial: wrong })]).toEqual([
        wrong,
        expect.stringContaining(where as string) as string,
      ]);
  });

  test('shutdown: Infinity is no deadline', async () => {
    for (const name of ['deadlineMs', 'drainOverMs'])
      expect(await refused(((o: never) => engine.shutdown(o)) as Call, { [name]: Infinity })).toContain(
        `shutdown.${name}: expected`,
      );
  });
});
