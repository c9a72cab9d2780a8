import { Writable } from 'node:stream';
import { FrameReader, type FrameListener } from '../../transports/websocket-reader.js';
import { maskWords } from '../../transports/websocket-mask-words.js';
import { maskInto, randomKey, unmask } from '../../transports/websocket-mask.js';
import { FrameWriter, giveWriter, takeWriter, type Masking } from '../../transports/websocket-writer.js';
import { SeededRandom } from '../sim/random.js';

/** A socket that writes when it is told to, and notices if what it was given changes before. */
class SlowSocket extends Writable {
  readonly written: Buffer[] = [];
  writes = 0;
  changed = 0;
  /** Whether it takes all it is given at once, as a system with room does. */
  isQuick = false;
  #waiting: { readonly given: Buffer[]; readonly copies: Buffer[]; readonly done: () => void } | undefined;

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** Writes what it was given first; false when there is nothing. */
  breathe(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return false;
    this.#waiting = undefined;
    const { given, copies, done } = waiting;
    for (const [i, each] of given.entries()) if (!each.equals(copies[i]!)) this.changed++;
    this.written.push(...copies);
    done();
    return true;
  }

  #take(given: Buffer[], done: () => void): void {
    this.writes++;
    this.#waiting = { given, copies: given.map((each) => Buffer.from(each)), done };
    if (this.isQuick) this.breathe();
  }
}

/** The messages that a peer reads. */
function read(bytes: readonly Uint8Array[], masking: Masking): Buffer[] {
  const messages: Buffer[] = [];
  const nothing = (): void => {};
  const listener: FrameListener = {
    message: (message) => void messages.push(Buffer.from(message)),
    pinged: nothing,
    ponged: nothing,
    concluded: nothing,
    faulted: ({ reason }) => expect(reason).toBe(''),
  };
  const reader = new FrameReader(masking !== 'none', 1 << 30);
  for (const each of bytes) reader.read(new Uint8Array(each), listener);
  return messages;
}

function send(socket: Writable, writer: FrameWriter, messages: readonly (readonly Uint8Array[])[]): boolean {
  const lengths = messages.map((pieces) => pieces.reduce((sum, { length }) => sum + length, 0));
  writer.begin(
    socket,
    lengths.reduce((sum, each) => sum + each, 0),
  );
  for (const [i, pieces] of messages.entries()) writer.frame(2, pieces, 0, pieces.length, lengths[i]!);
  return writer.end();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const KINDS: readonly Masking[] = ['none', 'zero', 'random'];

test.each(KINDS)(
  'websocket writer: messages of every length of head arrive whole, and stay as they were (masks: %s)',
  (masking) => {
    const random = new SeededRandom(1);
    const socket = new SlowSocket();
    socket.isQuick = true;
    const writer = new FrameWriter(masking);
    const messages = [0, 1, 125, 126, 8191, 8192, 8193, 65535, 65536, 131_071, 131_072, 131_073, 1_500_000].map((n) =>
      random.bytes(n),
    );
    const copies = messages.map((each) => Buffer.from(each));
    for (const each of messages) send(socket, writer, [[each]]);
    send(
      socket,
      writer,
      messages.map((each) => [each.subarray(0, 3), each.subarray(3, 100_000), each.subarray(100_000)]),
    );
    const got = read(socket.written, masking);
    expect(got.map(({ length }) => length)).toEqual([...copies, ...copies].map(({ length }) => length));
    expect(got.every((each, i) => each.equals(copies[i % copies.length]!))).toBe(true);
    expect(messages.every((each, i) => copies[i]!.equals(each))).toBe(true);
    expect(writer.heldBytes).toBe(0);
  },
);

test('websocket writer: a socket never finds other bytes in memory that it has not written', async () => {
  const noise = new SeededRandom(0).bytes(300_000);
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed);
    const piece = (bytes: number): Uint8Array => noise.subarray(random.int(1000)).subarray(0, bytes);
    const masking = random.pick(KINDS);
    // Two wires share the memory, and a writer while neither has anything waiting.
    const lines = [0, 1].map(() => {
      const socket = new SlowSocket();
      return { socket, writer: undefined as FrameWriter | undefined, sent: [] as Buffer[] };
    });
    for (let step = 0; step < 30; step++) {
      const line = random.pick(lines);
      const { socket, sent } = line;
      socket.isQuick = random.chance(0.4);
      if (random.chance(0.4)) socket.breathe();
      else {
        const messages = Array.from({ length: 1 + random.int(3) }, () =>
          Array.from({ length: 1 + random.int(3) }, () => piece(random.int(random.pick([10, 1000, 9000, 200_000])))),
        );
        sent.push(...messages.map((pieces) => Buffer.concat(pieces)));
        const writer = (line.writer ??= takeWriter(masking));
        if (send(socket, writer, messages)) {
          line.writer = undefined;
          giveWriter(writer);
        }
      }
      if (random.chance(0.3)) await turn();
    }
    for (const { socket, writer, sent } of lines) {
      for (let isBusy = true; isBusy; await turn()) isBusy = socket.breathe();
      const got = read(socket.written, masking);
      const isSame = got.length === sent.length && got.every((each, i) => each.equals(sent[i]!));
      expect({ seed, masking, isSame, changed: socket.changed, held: writer?.heldBytes ?? 0 }).toEqual({
        seed,
        masking,
        isSame: true,
        changed: 0,
        held: 0,
      });
    }
  }
});

test('websocket writer: memory in use follows what waits, also for many small frames behind a full socket', async () => {
  const socket = new SlowSocket();
  const writer = new FrameWriter('random');
  send(socket, writer, [[new Uint8Array(100)]]);
  expect(writer.heldBytes).toBeLessThanOrEqual(8 * 1024);
  for (let i = 0; i < 4000; i++) send(socket, writer, [[new Uint8Array(64)]]);
  expect(writer.heldBytes).toBeLessThan(socket.writableLength + 16 * 1024);
  while (socket.breathe()) await turn();
  expect([writer.heldBytes, socket.writableLength]).toEqual([0, 0]);
  send(socket, writer, [[new Uint8Array(1_000_000)]]);
  expect(writer.heldBytes).toBeLessThan(socket.writableLength + 256 * 1024);
  while (socket.breathe()) await turn();
  expect(writer.heldBytes).toBe(0);
});

test('websocket writer: frames of one call leave in one write, up to a block', () => {
  for (const masking of KINDS) {
    const socket = new SlowSocket();
    socket.isQuick = true;
    send(
      socket,
      new FrameWriter(masking),
      Array.from({ length: 100 }, () => [new Uint8Array(100)]),
    );
    expect({ masking, writes: socket.writes }).toEqual({ masking, writes: 1 });
  }
});

test('websocket writer: a large message is masked into the same memory again and again while the system takes it', () => {
  const makes = jest.spyOn(Buffer, 'allocUnsafeSlow');
  const socket = new SlowSocket();
  socket.isQuick = true;
  const writer = new FrameWriter('random');
  for (let i = 0; i < 20; i++) send(socket, writer, [[new Uint8Array(1 << 20)]]);
  expect(makes.mock.calls.length).toBeLessThanOrEqual(1);
  makes.mockRestore();
});

test('websocket masks: words, and a native library where there is one, do what RFC 6455 says byte by byte', () => {
  const random = new SeededRandom(7);
  for (const length of [...Array(70).keys(), 127, 1000, 4099])
    for (const from of [0, 1, 2, 3])
      for (const phase of [0, 1, 2, 3]) {
        const key = (random.int(2 ** 16) << 16) | random.int(2 ** 16) | 1;
        const keyBytes = [24, 16, 8, 0].map((shift) => (key >>> shift) & 0xff);
        const source = random.bytes(length);
        const expected = Buffer.from(source.map((byte, i) => byte ^ keyBytes[(i + phase) & 3]!));
        const into = Buffer.alloc(length + 8);
        maskInto(into, from, source, key, phase);
        const words = Buffer.alloc(length + 8);
        words.set(source, from);
        maskWords(
          words,
          from,
          from + length,
          Uint8Array.from([0, 1, 2, 3], (i) => keyBytes[(i + phase) & 3]!),
        );
        const inPlace = Buffer.alloc(length + 4).subarray(from, from + length);
        inPlace.set(source);
        unmask(inPlace, key);
        const plain = Buffer.from(source.map((byte, i) => byte ^ keyBytes[i & 3]!));
        for (const each of [into, words]) {
          expect({ length, from, phase, got: each.subarray(from, from + length) }).toEqual({
            length,
            from,
            phase,
            got: expected,
          });
          expect([
            each.subarray(0, from).every((byte) => byte === 0),
            each.subarray(from + length).every((byte) => byte === 0),
          ]).toEqual([true, true]);
        }
        expect({ length, from, got: inPlace }).toEqual({ length, from, got: plain });
      }
});

test('websocket masks: keys differ, and none is zero', () => {
  const keys = new Set(Array.from({ length: 10_000 }, randomKey));
  expect(keys.size).toBeGreaterThan(9990);
  expect(keys.has(0)).toBe(false);
});
