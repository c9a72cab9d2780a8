import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import type { FrameFault } from '../../transports/websocket-faults.js';
import { FrameReader, type FrameListener } from '../../transports/websocket-reader.js';
import { SeededRandom } from '../sim/random.js';

/** The reader of the `ws` package, which is the reference here: the same bytes must bring the same events. */
interface Reference extends Writable {
  on(event: string, hear: (...args: never[]) => void): this;
}
const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Reference;
};

const MAX = 100_000;
const SEEDS = 150;
const hex = (bytes: Uint8Array): string =>
  bytes.length < 200 ? Buffer.from(bytes).toString('hex') : `${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`;

class Heard implements FrameListener {
  readonly events: string[] = [];
  message(bytes: Uint8Array, isBinary: boolean): void {
    this.events.push(`${isBinary ? 'binary' : 'text'} ${hex(bytes)}`);
    bytes.fill(0xee); // It is given away, and may be written over.
  }
  pinged(bytes: Uint8Array): void {
    this.events.push(`ping ${hex(bytes)}`);
  }
  ponged(): void {
    this.events.push('pong');
  }
  concluded(code: number, reason: Uint8Array): void {
    this.events.push(`close ${code} ${hex(reason)}`);
  }
  faulted({ code, reason, status }: FrameFault): void {
    this.events.push(`fault ${code} ${status} ${reason}`);
  }
}

function ours(chunks: readonly Uint8Array[], isServer: boolean): string[] {
  const heard = new Heard();
  const reader = new FrameReader(isServer, MAX);
  for (const each of chunks) reader.read(new Uint8Array(each), heard);
  return heard.events;
}

async function theirs(chunks: readonly Uint8Array[], isServer: boolean): Promise<string[]> {
  const events: string[] = [];
  const receiver = new Receiver({ isServer, maxPayload: MAX });
  let isOver = false;
  receiver.on('message', (bytes: Buffer, isBinary: boolean) => events.push(`${isBinary ? 'binary' : 'text'} ${hex(bytes)}`));
  receiver.on('ping', (bytes: Buffer) => events.push(`ping ${hex(bytes)}`));
  receiver.on('pong', () => events.push('pong'));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    isOver = true;
    events.push(`close ${code} ${hex(reason)}`);
  });
  receiver.on('error', (error: Error & { code: string }) => {
    isOver = true;
    const status: unknown = Reflect.get(
      error,
      Object.getOwnPropertySymbols(error).find((each) => each.description === 'status-code')!,
    );
    events.push(`fault ${error.code} ${String(status)} ${error.message}`);
  });
  for (const each of chunks) {
    if (isOver) break;
    receiver.write(Buffer.from(each));
    if (receiver.writableNeedDrain || receiver.errored) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setImmediate(resolve));
  return events;
}

interface Frame {
  readonly first: number;
  readonly data: Uint8Array;
  readonly key?: Uint8Array | undefined;
  /** The length as it is stated, and in how many bytes; default: as it should be. */
  readonly stated?: bigint;
  readonly width?: 0 | 2 | 8;
}

function bytesOf({ first, data, key, stated = BigInt(data.length), width }: Frame): Buffer {
  const wide = width ?? (data.length < 126 ? 0 : data.length < 65536 ? 2 : 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(stated);
  const short = wide === 0 ? Number(stated) : wide === 2 ? 126 : 127;
  const masked = key ? data.map((byte, i) => byte ^ key[i & 3]!) : data;
  return Buffer.concat([
    Uint8Array.of(first, short | (key ? 0x80 : 0)),
    wide === 0 ? new Uint8Array(0) : length.subarray(8 - wide),
    key ?? new Uint8Array(0),
    masked,
  ]);
}

const KEY = Uint8Array.of(0x12, 0x34, 0xfe, 0x01);
const data = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const close = (code: number, reason: Uint8Array = new Uint8Array(0)): Uint8Array =>
  Uint8Array.of(code >> 8, code & 0xff, ...reason);
const frame = (first: number, payload: Uint8Array = new Uint8Array(0), more: Partial<Frame> = {}): Frame => ({
  first,
  data: payload,
  ...more,
});

/** The kinds of the Autobahn suite, without compression. */
const CASES: Readonly<Record<string, readonly Frame[]>> = {
  'nothing, as binary': [frame(0x82)],
  'nothing, as text': [frame(0x81)],
  'the lengths at which a head grows': [125, 126, 127, 128, 65535, 65536].map((n) => frame(0x82, data(n))),
  'lengths stated longer than they need': [frame(0x82, data(5), { width: 2 }), frame(0x82, data(5), { width: 8 })],
  'a message in fragments': [frame(0x02, data(10)), frame(0x00, data(200)), frame(0x80, data(3))],
  'fragments without data': [
    frame(0x02),
    frame(0x00),
    frame(0x80),
    frame(0x02),
    frame(0x80, data(4)),
    frame(0x02, data(4)),
    frame(0x80),
  ],
  'control frames between fragments': [
    frame(0x02, data(10)),
    frame(0x89, data(125)),
    frame(0x00, data(10)),
    frame(0x8a, data(7)),
    frame(0x8a),
    frame(0x80, data(10)),
    frame(0x89),
  ],
  'text in fragments, cut inside a character': [frame(0x01, text('ä').subarray(0, 1)), frame(0x80, text('ä').subarray(1))],
  'text that is no UTF-8': [frame(0x81, Uint8Array.of(0xce, 0xba, 0xe1, 0xbd))],
  'text that is no UTF-8 only when it is whole': [frame(0x01, Uint8Array.of(0xf4)), frame(0x80, Uint8Array.of(0x90, 0x80, 0x80))],
  'bytes that are no UTF-8, as binary': [frame(0x82, Uint8Array.of(0xff, 0xfe))],
  'a continuation of nothing': [frame(0x80, data(3))],
  'a continuation of nothing, after a whole message': [frame(0x82, data(3)), frame(0x00, data(3))],
  'a new message inside another': [frame(0x02, data(3)), frame(0x82, data(3))],
  'a ping in fragments': [frame(0x09, data(3))],
  'a close frame in fragments': [frame(0x08, close(1000))],
  'a ping above 125 bytes': [frame(0x89, data(126))],
  'a pong above 125 bytes': [frame(0x8a, data(126))],
  'a close frame above 125 bytes': [frame(0x88, close(1000, data(124)))],
  'a close frame, and more after it': [frame(0x88, close(1000, text('bye'))), frame(0x82, data(3)), frame(0xff)],
  'a close frame between fragments': [frame(0x02, data(3)), frame(0x88, close(1001))],
  'a close frame with nothing in it': [frame(0x88)],
  'a close frame with half a code': [frame(0x88, Uint8Array.of(3))],
  'a close frame with the longest reason': [frame(0x88, close(4999, new Uint8Array(123).fill(0x61)))],
  'a close reason that is no UTF-8': [frame(0x88, close(1000, Uint8Array.of(0xc3)))],
  'a length above the limit': [frame(0x82, new Uint8Array(0), { stated: BigInt(MAX + 1), width: 8 })],
  'a length at the limit': [frame(0x82, new Uint8Array(MAX))],
  'fragments that together pass the limit': [frame(0x02, new Uint8Array(MAX)), frame(0x80, data(1))],
  'fragments that together reach the limit': [frame(0x02, new Uint8Array(MAX - 1)), frame(0x80, data(1)), frame(0x82, data(2))],
  'a length above 2^53': [frame(0x82, new Uint8Array(0), { stated: 1n << 53n, width: 8 })],
  'a length of 2^53 - 1': [frame(0x82, new Uint8Array(0), { stated: (1n << 53n) - 1n, width: 8 })],
  'a length above 2^63': [frame(0x82, new Uint8Array(0), { stated: (1n << 63n) + 5n, width: 8 })],
};
for (const bit of [0x10, 0x20, 0x40, 0x70])
  for (const first of [0x82, 0x81, 0x89, 0x88, 0x02])
    CASES_WITH(`reserved bits 0x${(first | bit).toString(16)}`, [frame(first | bit, data(2))]);
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
  for (const fin of [0, 0x80])
    CASES_WITH(`opcode ${opcode}, ${fin === 0 ? 'in fragments' : 'whole'}`, [frame(fin | opcode, data(2))]);
for (const code of [
  0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 1100, 2000, 2999, 3000, 4000, 4999, 5000, 65535,
])
  CASES_WITH(`close code ${code}`, [frame(0x88, close(code))]);
for (const [first, ...rest] of [[0xc0], [0x90, 1], [0xb0, 1, 2]] as const)
  CASES_WITH(`a later frame ${first}`, [frame(0x02, data(1)), frame(first, Uint8Array.of(...rest))]);

function CASES_WITH(name: string, frames: readonly Frame[]): void {
  Object.assign(CASES, { [name]: frames });
}

/** Cuts at a few random places, or everywhere. */
function chopped(stream: Uint8Array, random: SeededRandom): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const sizes = stream.length < 3000 ? random.pick([1, 3, 20, 3000]) : random.pick([1000, 70_000]);
  for (let at = 0; at < stream.length;) {
    const size = 1 + random.int(sizes);
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe('websocket frames: the same bytes bring the same events as in the ws package', () => {
  test.each(Object.keys(CASES))('%s, on both sides, masked and not', async (name) => {
    for (const isServer of [true, false])
      for (const key of [KEY, Uint8Array.of(0, 0, 0, 0), undefined]) {
        const stream = Buffer.concat(CASES[name]!.map((each) => bytesOf({ ...each, key })));
        const expected = await theirs([stream], isServer);
        expect({ name, isServer, key, events: ours([stream], isServer) }).toEqual({ name, isServer, key, events: expected });
        // Cut in two, at each byte of what is short, and byte by byte.
        for (let at = 1; at < stream.length; at += stream.length < 700 ? 1 : 29_989) {
          const events = ours([stream.subarray(0, at), stream.subarray(at)], isServer);
          expect({ name, isServer, key, at, events }).toEqual({ name, isServer, key, at, events: expected });
        }
        const bytewise = Array.from(stream.subarray(0, 1000), (byte) => Uint8Array.of(byte));
        const events = ours([...bytewise, stream.subarray(1000)], isServer);
        expect({ name, isServer, key, events }).toEqual({ name, isServer, key, events: expected });
      }
  });

  test('each case says something, and the beginning of a stream never says more than the whole of it', async () => {
    for (const [name, frames] of Object.entries(CASES)) {
      const stream = Buffer.concat(frames.map((each) => bytesOf({ ...each, key: KEY })));
      const whole = await theirs([stream], true);
      expect({ name, says: whole.length > 0 || name === 'a length of 2^53 - 1' }).toEqual({ name, says: true });
      for (const part of [1, 2, 3, 5, 9, 13, stream.length - 1]) {
        const begun = stream.subarray(0, part);
        expect({ name, part, events: ours([begun], true) }).toEqual({ name, part, events: await theirs([begun], true) });
      }
    }
  });

  test('streams of frames at random, some of them broken', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new SeededRandom(seed);
      const isServer = random.chance(0.5);
      const key = random.chance(0.95) === isServer ? random.bytes(4) : undefined;
      const frames: Buffer[] = [];
      let isInside = false;
      for (let left = 1 + random.int(30); left > 0; left--) {
        const size = random.pick([0, 1, 3, 4, 5, 31, 32, 63, 64, 100, 125, 126, 1000, 20_000, 66_000]);
        const isControl = random.chance(0.3);
        const isFinal = isControl || random.chance(0.6);
        const opcode = isControl ? random.pick([9, 10]) : isInside ? 0 : random.pick([2, 2, 2, 1]);
        if (!isControl) isInside = !isFinal;
        const payload = opcode === 1 ? new Uint8Array(size).fill(0x62) : random.bytes(isControl ? Math.min(size, 125) : size);
        const first = (isFinal ? 0x80 : 0) | opcode;
        frames.push(bytesOf({ first: random.chance(0.01) ? random.int(256) : first, data: payload, key }));
      }
      if (random.chance(0.3))
        frames.push(bytesOf({ first: 0x88, data: close(random.pick([1000, 1005, 3000]), random.bytes(3)), key }));
      const stream = Buffer.concat(frames);
      if (random.chance(0.2)) stream[random.int(stream.length)]! ^= 1 << random.int(8);
      const chunks = chopped(stream, random);
      const expected = await theirs(chunks, isServer);
      expect({ seed, events: ours(chunks, isServer) }).toEqual({ seed, events: expected });
    }
  });
});

describe('websocket frames: memory follows the bytes that arrive', () => {
  const MiB = 1 << 20;

  /** The largest buffer that is made while `call` runs. */
  function largestBuffer(call: () => void): number {
    const made: number[] = [0];
    const make = Buffer.allocUnsafeSlow;
    const spy = jest.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((bytes: number) => {
      made.push(bytes);
      return make(bytes);
    });
    call();
    spy.mockRestore();
    return Math.max(...made);
  }

  test('an announced length reserves at most 32 times what has arrived, and above the limit nothing', () => {
    const reader = new FrameReader(true, 16 * MiB);
    const heard = new Heard();
    const head = bytesOf({ first: 0x82, data: new Uint8Array(0), stated: BigInt(16 * MiB), width: 8, key: KEY });
    expect(largestBuffer(() => reader.read(head, heard))).toBe(0);
    for (const bytes of [1, 100, 10_000])
      expect(largestBuffer(() => reader.read(new Uint8Array(bytes), heard))).toBeLessThanOrEqual(33 * (bytes + 101));
    const other = new FrameReader(true, 16 * MiB - 1);
    expect(largestBuffer(() => other.read(head, heard))).toBe(0);
    expect(heard.events).toEqual(['fault WS_ERR_UNSUPPORTED_MESSAGE_LENGTH 1009 Max payload size exceeded']);
  });

  test('a message of many fragments is gathered in a buffer that doubles, up to the limit', () => {
    const reader = new FrameReader(false, 2 * MiB);
    const heard = new Heard();
    let count = 0;
    largestBuffer(() => {
      const spy = jest.mocked(Buffer.allocUnsafeSlow);
      reader.read(bytesOf(frame(0x02, data(100))), heard);
      for (let i = 0; i < 10_000; i++) reader.read(bytesOf(frame(0x00, data(100))), heard);
      count = spy.mock.calls.length;
      expect(spy.mock.calls.every(([bytes]) => bytes <= 2 * MiB)).toBe(true);
    });
    expect(count).toBeLessThan(20);
  });

  test('a message that lies in one chunk is a view of it, and no chunk is kept for the rest', () => {
    const chunk = Buffer.concat([bytesOf(frame(0x82, data(1000))), bytesOf(frame(0x82, data(2000))).subarray(0, 100)]);
    const got: Uint8Array[] = [];
    const heard = new Heard();
    heard.message = (bytes) => void got.push(bytes);
    const reader = new FrameReader(false, MAX);
    reader.read(chunk, heard);
    expect(got[0]!.buffer).toBe(chunk.buffer);
    chunk.fill(0);
    reader.read(bytesOf(frame(0x82, data(2000))).subarray(100), heard);
    expect(hex(got[1]!)).toBe(hex(data(2000)));
  });
});
