import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Connection } from '../../adapters/index.js';
import { StreamError, StreamSession, type SessionStream } from '../../adapters/streams/index.js';
import { openConnections, openPair, type Pair } from './pair.js';

let pair: Pair;
beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

/** The far side gives every byte back and ends when the near side does. */
const echo = (): void => {
  pair.far.onOffer = (offer) => {
    const stream = offer.accept();
    stream.pipe(stream);
  };
};

test('[STR-1] streams/session: a stream carries bytes both ways, ids odd from the dialer and even from the acceptor', async () => {
  echo();
  pair.near.onOffer = (offer) => offer.accept().resume().end(`you said ${offer.purpose} ${offer.target}`);
  const odd = await pair.near.open('echo', { target: 'x' });
  const even = await pair.far.open('greet', { target: 'wörld' });
  expect([odd.id % 2, even.id % 2]).toEqual([1, 0]);
  odd.end('hello');
  even.end();
  expect([await text(odd), await text(even)]).toEqual(['hello', 'you said greet wörld']);
});

test('[STR-3] half-close: one direction ends, the other goes on', async () => {
  const heard = new Promise<string>((resolve) => {
    pair.far.onOffer = (offer) => {
      const stream = offer.accept();
      void text(stream).then((all) => {
        resolve(all);
        stream.end('and this is the answer'); // Long after the near side ended.
      });
    };
  });
  const stream = await pair.near.open('question');
  stream.end('that was all');
  expect(await heard).toBe('that was all');
  expect(await text(stream)).toBe('and this is the answer');
});

test('[STR-1] streams/session: megabytes with cuts in between arrive as they were sent', async () => {
  echo();
  const bytes = randomBytes(24 << 20);
  const stream = await pair.near.open('echo');
  const back = buffer(stream);
  const written = pipeline(Readable.from(slices(bytes, 100_000)), stream, { end: true }).catch(() => {});
  let received = 0;
  let cuts = 0;
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > (cuts + 1) * (4 << 20)) {
      cuts++;
      void pair.cut();
    }
  });
  const got = await back;
  await written;
  expect(cuts).toBe(5);
  expect(createHash('sha256').update(got).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
}, 30_000);

test('[STR-2] streams/session: a reader that takes nothing stops its own stream and no other', async () => {
  const blocked: SessionStream[] = [];
  pair.far.onOffer = (offer) => {
    const stream = offer.accept();
    if (offer.purpose === 'echo') stream.pipe(stream);
    else blocked.push(stream);
  };
  for (let i = 0; i < 40; i++) {
    const stream = await pair.near.open('sink');
    stream.on('error', () => {}); // It will be reset with the session.
    stream.write(randomBytes(1 << 20)); // Never finishes: nobody reads.
  }
  const stream = await pair.near.open('echo');
  const bytes = randomBytes(2 << 20);
  stream.end(bytes);
  expect((await buffer(stream)).equals(bytes)).toBe(true);
  for (const each of blocked) each.on('error', () => {});
});

test('[STR-3] streams/session: a reset of one side reaches the other with its code', async () => {
  const far = new Promise<SessionStream>((resolve) => (pair.far.onOffer = (offer) => resolve(offer.accept())));
  const near = await pair.near.open('x');
  const failed = once(await far, 'error') as Promise<[StreamError]>;
  near.reset('reset');
  expect((await failed)[0]).toMatchObject({ name: 'StreamError', code: 'reset' });
  expect(pair.near.size + pair.far.size).toBe(0);
});

test('[STR-3] streams/session: a refusal tells why', async () => {
  pair.far.onOffer = (offer) => offer.refuse('unreachable');
  await expect(pair.near.open('x')).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('reached') });
});

test('[STR-5] streams/session: more opens than may be pending wait for their turn, and an abort leaves no trace', async () => {
  let pending = 0;
  let pendingMax = 0;
  pair.far.onOffer = (offer) => {
    pendingMax = Math.max(pendingMax, ++pending);
    setImmediate(() => {
      pending--;
      offer.accept().resume().end();
    });
  };
  const giveUp = new AbortController();
  const opened = Array.from({ length: 300 }, (_, i) => pair.near.open('x', i === 299 ? { signal: giveUp.signal } : {}));
  const last = opened.pop();
  giveUp.abort();
  await expect(last).rejects.toMatchObject({ code: 'aborted' });
  const streams = await Promise.all(opened);
  await Promise.all(streams.map((stream) => once(stream.resume().end(), 'close')));
  expect(pendingMax).toBeLessThanOrEqual(128);
  expect(pair.near.size).toBe(0);
});

test('[STR-6] streams/session: a session that ends resets all its streams with the closing and its code', async () => {
  pair.far.onOffer = (offer) => offer.accept().on('error', () => {});
  const stream = await pair.near.open('x');
  const waiting = pair.near.open('never answered');
  pair.far.onOffer = () => {};
  const failed = once(stream, 'error') as Promise<[StreamError]>;
  await pair.far.close();
  expect((await failed)[0]).toMatchObject({ code: 'peer-goodbye' });
  await waiting.catch(() => {});
  expect(await pair.near.closed).toMatchObject({ side: 'remote', code: 'peer-goodbye' });
  await expect(pair.near.open('late')).rejects.toMatchObject({ code: 'peer-goodbye' });
});

test('[STR-5] streams/session: offers without a listener yet are forgotten when they are withdrawn', async () => {
  for (let i = 0; i < 200; i++) {
    const patience = new AbortController();
    const asked = pair.near.open('changed my mind', { signal: patience.signal });
    await Promise.resolve(); // It is said, and taken back.
    patience.abort();
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
  }
  const last = pair.near.open('last');
  pair.near.onOffer = (offer) => offer.accept().on('error', () => {});
  (await pair.far.open('after all that')).destroy();
  const heard: string[] = [];
  pair.far.onOffer = (offer) => {
    heard.push(offer.purpose);
    offer.refuse('busy');
  };
  await expect(last).rejects.toMatchObject({ code: 'busy' });
  expect(heard).toEqual(['last']);
});

test('[STR-6] streams/session: a peer that takes no messages as large as frames ends the session, and no byte is missing without a word', async () => {
  const { near, far, client, server, cutter } = await openConnections({ messageBytesMax: 1024 });
  const [here, there] = [new StreamSession(near), new StreamSession(far)];
  there.onOffer = (offer) => offer.accept().on('error', () => {});
  const stream = await here.open('x');
  const broken = once(stream, 'error');
  stream.write(randomBytes(100_000));
  expect(await broken).toMatchObject([{ code: 'oversized' }]);
  expect(await here.closed).toMatchObject({
    side: 'local',
    code: 'oversized',
    detail: { message: expect.stringContaining('1024') as string },
  });
  await Promise.all([client.shutdown(), server.shutdown()]);
  await cutter.close();
});

test('[STR-2] streams/session: while all connections together hold too much, streams wait, and go on with every byte', async () => {
  const options = { receiveBytesMax: 64 << 10, messageBytesMax: 20 << 10, sendBytesMax: 4 << 20 };
  const { near, far, client, server, cutter } = await openConnections(options, { bytesQueuedMax: 256 << 10 });
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const hog = await client.connect(server.addresses[0]!);
  const [here, there] = [new StreamSession(near), new StreamSession(far)];
  const collected = new PassThrough();
  there.onOffer = (offer) => offer.accept().end().pipe(collected);
  const stream = (await here.open('x')).resume();
  expect(() => {
    for (;;) hog.write(new Uint8Array(16 << 10)); // Nobody reads it at the other side.
  }).toThrow(expect.objectContaining({ code: 'queue-full' }) as Error);
  const bytes = randomBytes(300_000);
  stream.end(bytes);
  ((await accepted).value as Connection).onMessage = () => {};
  expect((await buffer(collected)).equals(bytes)).toBe(true);
  await Promise.all([client.shutdown(), server.shutdown()]);
  await cutter.close();
});

test('streams/session: limits that can not be right are named; `undefined` is the default', async () => {
  const wrong = { chunkBytes: 0, streamsMax: -1, windowByte: 1 } as object;
  expect(() => new StreamSession(pair.nearConnection, { limits: wrong })).toThrow(
    /limits\.streamsMax: .* got -1; .*limits\.chunkBytes: .* got 0; .*limits: there is no option "windowByte"/,
  );
  const other = await openPair({}, { limits: { streamsMax: undefined } as object });
  other.far.onOffer = (offer) => offer.accept().resume().end('hi');
  const stream = await other.near.open('x');
  stream.end();
  expect(await text(stream)).toBe('hi');
  await other.close();
});

function* slices(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Everything that comes, as text. Node's consumers would destroy the other direction at the end. */
function text(stream: SessionStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (all += chunk));
    stream.once('end', () => resolve(all)).once('error', reject);
  });
}
