import { createEngine, type Connection, type Engine } from '../adapters/index.js';
import { messagesOver, type MessagesOptions } from '../adapters/messages.js';
import { resume } from '../adapters/resume/index.js';
import { tuna, type TunaOptions } from '../adapters/tuna/index.js';
import { memory } from '../transports/memory.js';
import { clock } from '../adapters/node.js';

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((each) => each.shutdown()));
});

/** Both ends of one byte stream inside this process. */
async function streamPair(options: TunaOptions = {}): Promise<{ near: Connection; far: Connection }> {
  const transports = [memory({ clock })];
  const protocols = [tuna({ numTunaListeners: 2, ...options })];
  const server = createEngine({ transports, protocols, listen: ['memory://there'] });
  const client = createEngine({ transports, protocols });
  engines.push(client, server);
  await Promise.all([server.start(), client.start()]);
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect('memory://there');
  return { near, far: (await accepted).value as Connection };
}

async function pairOf(options: MessagesOptions = {}): Promise<{ near: Connection; far: Connection; raw: Connection }> {
  const { near, far } = await streamPair();
  return { near: messagesOver(near, options), far: messagesOver(far, options), raw: near };
}

/** Sizes around the packets, the chunks and nothing at all, with contents that tell. */
function* messages(): Generator<Uint8Array> {
  for (const size of [0, 1, 3, 4, 5, 1299, 1300, 1301, 65_531, 65_532, 65_536, 65_537, 300_000, 0, 0, 7])
    yield new Uint8Array(size).map((_, i) => (i * 31 + size) & 0xff);
}

const digest = (all: Iterable<Uint8Array>): string[] =>
  [...all].map((each) => `${each.length}:${Buffer.from(each).toString('base64')}`);

test('[TUNA-20] messages: messages of every size arrive as they were, both ways, to a handler and to a loop', async () => {
  const { near, far } = await pairOf();
  expect([near.boundaries, near.protocol, near.role, far.role]).toEqual(['message', 'tuna', 'dialer', 'acceptor']);
  const heard: Uint8Array[] = [];
  far.onMessage = (message) => heard.push(message);
  for (const message of messages()) {
    near.write(message);
    message.fill(0); // The caller's again.
  }
  for (const message of messages()) far.write(message);
  const read: Uint8Array[] = [];
  for await (const message of near) if (read.push(message) === 16) break;
  await near.send(Uint8Array.of(1)); // Acknowledged, and all before it.
  expect(digest(heard.slice(0, 16))).toEqual(digest(messages()));
  expect(digest(read)).toEqual(digest(messages()));
  expect(await near.close()).toMatchObject({ code: 'closed' });
  expect(await far.closed).toMatchObject({ code: 'peer-goodbye' });
}, 20_000);

test('[TUNA-20] messages: a message above the bound is refused here, and ends the session where the peer says it', async () => {
  const { near, far, raw } = await pairOf({ messageBytesMax: 1000 });
  expect(() => near.write(new Uint8Array(1001))).toThrow(expect.objectContaining({ code: 'too-large' }) as Error);
  await expect(near.send(new Uint8Array(1001))).rejects.toMatchObject({ code: 'too-large' });
  const heard: number[] = [];
  far.onMessage = (message) => heard.push(message.length);
  near.write(new Uint8Array(1000));
  raw.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3));
  expect(await far.closed).toMatchObject({ code: 'violated', side: 'remote', detail: { rule: 'TUNA-20' } });
  expect(heard).toEqual([1000]);
});

test('messages: a reader that stops in the middle of a piece misses nothing when another takes over', async () => {
  const { near, far } = await pairOf();
  const heard: number[] = [];
  const first = new Promise<void>((resolve) => {
    far.onMessage = (message) => {
      heard.push(message[0]!);
      far.onMessage = undefined;
      resolve();
    };
  });
  for (let n = 0; n < 5; n++) near.write(Uint8Array.of(n));
  await near.send(Uint8Array.of(5));
  await first;
  expect(heard).toEqual([0]);
  for await (const message of far) if (heard.push(message[0]!) === 3) break;
  await new Promise<void>((resolve) => {
    far.onMessage = (message) => {
      if (heard.push(message[0]!) === 6) resolve();
    };
  });
  expect(heard).toEqual([0, 1, 2, 3, 4, 5]);
  expect(() => far[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'two-readers' }) as Error);
});

test('messages: a protocol that has messages needs no such thing', async () => {
  const transports = [memory({ clock })];
  const server = createEngine({ transports, protocols: [resume()], listen: ['memory://whole'] });
  const client = createEngine({ transports, protocols: [resume()] });
  engines.push(client, server);
  await Promise.all([server.start(), client.start()]);
  const connection = await client.connect('memory://whole');
  expect(connection.boundaries).toBe('message');
  expect(() => messagesOver(connection)).toThrow(expect.objectContaining({ code: 'bad-option' }) as Error);
});

for (const reader of ['a handler', 'a loop'] as const)
  for (const bytes of [1001, 5000, 70_000])
    test(`[TUNA-20] messages: the sender of ${bytes} bytes where 1000 are taken by ${reader} learns which rule it broke, and so does the receiver`, async () => {
      const streams = await streamPair();
      const near = messagesOver(streams.near, { messageBytesMax: 100_000 });
      const far = messagesOver(streams.far, { messageBytesMax: 1000 });
      const [told, heard]: [number[], number[]] = [[], []];
      near.onMessage = ({ length }) => told.push(length);
      const reading = (async () => {
        if (reader === 'a handler') far.onMessage = ({ length }) => heard.push(length);
        else for await (const { length } of far) heard.push(length);
      })();
      far.write(new Uint8Array(900)); // What was written before goes before the last word.
      near.write(new Uint8Array(1000));
      near.write(new Uint8Array(bytes));
      near.write(new Uint8Array(1));
      reading.catch(() => {}); // Looked at below.
      const rule = { code: 'violated', detail: { rule: 'TUNA-20' } };
      expect(await far.closed).toMatchObject({ ...rule, side: 'remote' });
      expect(await near.closed).toMatchObject({ ...rule, side: 'local' });
      if (reader === 'a handler') await reading;
      else await expect(reading).rejects.toMatchObject({ code: 'closed', cause: { ...rule, side: 'remote' } });
      expect([heard, told]).toEqual([[1000], [900]]);
    });
