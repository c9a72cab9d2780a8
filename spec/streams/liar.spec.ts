import { once } from 'node:events';
import type { Connection } from '../../adapters/index.js';
import { decodeFrame, encodeFrame, StreamSession, type StreamFrame } from '../../adapters/streams/index.js';
import { openConnections } from './pair.js';

/** One honest side; the other is the test, which says what it likes. */
let ends: Awaited<ReturnType<typeof openConnections>>;
let honest: StreamSession;
let liar: Connection;
let heard: StreamFrame[];

beforeEach(async () => {
  ends = await openConnections();
  honest = new StreamSession(ends.far);
  liar = ends.near;
  heard = [];
  liar.onMessage = (message) => heard.push(decodeFrame(message) as StreamFrame);
});
afterEach(async () => {
  await Promise.all([ends.client.shutdown({ deadlineMs: 3000 }), ends.server.shutdown({ deadlineMs: 3000 })]);
  await ends.cutter.close();
});

const say = (...frames: StreamFrame[]): void => {
  for (const frame of frames) liar.write(encodeFrame(frame, new Uint8Array(300_000)));
};
const hello: StreamFrame = { kind: 'hello', versionMin: 1, versionMax: 1, features: 0 };
const open = (stream: number): StreamFrame => ({ kind: 'open', stream, purpose: 'x', target: '' });

test.each<[string, string, () => void]>([
  ['[STR-1] bytes that are no frame', 'STR-1', () => liar.write(Uint8Array.of(0x33, 1, 2, 3, 4, 5))],
  ['[STR-1] an empty message', 'STR-1', () => liar.write(new Uint8Array(0))],
  ['[STR-1] an open before the hello', 'STR-1', () => say(open(1))],
  [
    '[STR-1] an open that is cut',
    'STR-1',
    () => (say(hello), liar.write(encodeFrame(open(1), new Uint8Array(99)).subarray(0, 6))),
  ],
  ['[STR-1] an id of the wrong side', 'STR-1', () => say(hello, open(2))],
  ['[STR-1] data for a stream that never was', 'STR-1', () => say(hello, { kind: 'data', stream: 7, bytes: Uint8Array.of(1) })],
  [
    '[STR-2] data beyond the credit',
    'STR-2',
    () => {
      honest.onOffer = (offer) => void offer.accept().on('error', () => {}); // Reads nothing, and grants 256 KiB.
      say(hello, open(1));
      liar.onMessage = (message) => {
        heard.push(decodeFrame(message) as StreamFrame);
        if (heard.at(-1)?.kind !== 'credit') return;
        for (let i = 0; i < 17; i++) say({ kind: 'data', stream: 1, bytes: new Uint8Array(16 << 10) });
      };
    },
  ],
])('%s: the session ends, and both sides know why', async (_, rule, lie) => {
  lie();
  expect(await honest.closed).toMatchObject({ side: 'remote', code: 'violated', detail: { rule } });
  expect(await liar.closed).toMatchObject({ code: 'peer-goodbye' });
  expect(heard.at(-1)).toEqual({ kind: 'fault', rule });
});

test('[STR-1] streams/liar: a fault of the peer ends the session as this side’s doing', async () => {
  say(hello, { kind: 'fault', rule: 'STR-2' });
  expect(await honest.closed).toMatchObject({ side: 'local', code: 'violated', detail: { rule: 'STR-2' } });
});

test('[STR-1] streams/liar: a peer of a later version is detected, with the versions that it supports', async () => {
  say({ ...hello, versionMin: 2, versionMax: 5 } as StreamFrame);
  expect(await honest.closed).toMatchObject({ code: 'version-unsupported', detail: { supported: { min: 2, max: 5 } } });
  await liar.closed;
  expect(heard[0]).toEqual(hello); // It could tell, too.
});

test('[STR-1] streams/liar: what may be skipped is skipped', async () => {
  liar.write(Uint8Array.of(0x90, 0, 0, 0, 0, 1, 2, 3));
  say(hello);
  liar.write(Uint8Array.of(0x80, 0, 0, 0, 0));
  const offered = new Promise((resolve) => (honest.onOffer = resolve));
  say(open(1));
  expect(await offered).toMatchObject({ purpose: 'x' });
});

test('[STR-2] streams/liar: a quarter of a million frames of one byte cost little more than their bytes', async () => {
  const accepted = new Promise<NodeJS.ReadableStream>((resolve) => {
    honest.onOffer = (offer) => resolve(offer.accept().on('error', () => {}));
  });
  say(hello, open(1));
  const stream = await accepted;
  const FRAMES = 256 << 10; // As many as the window has bytes.
  const frame = new Uint8Array(encodeFrame({ kind: 'data', stream: 1, bytes: Uint8Array.of(7) }, new Uint8Array(9)));
  const before = process.memoryUsage().rss;
  for (let i = 0; i < FRAMES; i++) if (!liar.write(frame)) await liar.drained();
  await liar.send(encodeFrame({ kind: 'end', stream: 1 }, new Uint8Array(9)));
  const grown = process.memoryUsage().rss - before;
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(stream, 'end');
  expect({ bytes, isSmall: grown < 48 << 20 }).toEqual({ bytes: FRAMES, isSmall: true });
}, 30_000);

test('[STR-5] streams/liar: a peer that opens as fast as it can gets 128 offers, then gets `busy`, and others are not harmed', async () => {
  let offers = 0;
  honest.onOffer = () => void offers++;
  say(hello);
  for (let id = 1; id < 2000; id += 2) say(open(id));
  await liar.send(encodeFrame({ kind: 'credit', stream: 1, bytes: 1 }, new Uint8Array(9)));
  const answered = new Promise<void>((resolve) => {
    const look = (message: Uint8Array): void => {
      heard.push(decodeFrame(message) as StreamFrame);
      if (heard.filter(({ kind }) => kind === 'refused').length === 1000 - 128) resolve();
    };
    for (const message of heard.splice(0)) look(encodeFrame(message, new Uint8Array(99)));
    liar.onMessage = look;
  });
  await answered;
  expect(offers).toBe(128);
  expect(honest.connection.state).toBe('completed');
});

test('[STR-6] streams/liar: an offer of a session that has ended is withdrawn, and accepting it gives a stream that is over', async () => {
  const offered = new Promise<Parameters<NonNullable<StreamSession['onOffer']>>[0]>((resolve) => (honest.onOffer = resolve));
  say(hello, open(1));
  const offer = await offered;
  await liar.close();
  await honest.closed;
  expect(offer.withdrawn.aborted).toBe(true);
  const stream = offer.accept();
  expect((await once(stream, 'error'))[0]).toMatchObject({ code: 'peer-goodbye' });
});
