import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ncpCodec } from '../../adapters/tuna/codec.js';
import { aheadOf, nextSequence, SEQUENCES } from '../../machines/tuna/ncp.sequence.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { SeededRandom } from '../sim/random.js';

interface Vectors {
  readonly ncpPackets: Readonly<Record<string, string>>;
  readonly sequenceArithmetic: Readonly<Record<string, number | boolean>>;
}
const vectors = JSON.parse(readFileSync(join(__dirname, '../vectors/tuna/ncp-vectors.json'), 'utf8')) as Vectors;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const scratch = new Uint8Array(70_000);
const data = (sequence: number, payload: Uint8Array): Uint8Array => {
  const at = ncpCodec.putDataHead(scratch, 0, sequence, payload.length);
  expect(at).toBe(ncpCodec.dataHeadBytes(sequence, payload.length));
  scratch.set(payload, at);
  return scratch.slice(0, at + payload.length);
};
const ack = (ranges: readonly (readonly [number, number])[], bytesRead: number): Uint8Array => {
  const starts = Uint32Array.from(ranges, ([start]) => start);
  const counts = Uint32Array.from(ranges, ([, count]) => count);
  return scratch.slice(0, ncpCodec.putAck(scratch, 0, starts, counts, ranges.length, bytesRead));
};
const read = (bytes: Uint8Array): Packet | undefined => {
  const packet = new Packet();
  return ncpCodec.read(bytes, 0, bytes.length, packet) ? packet : undefined;
};
const rangesOf = (packet: Packet): [number, number][] =>
  Array.from({ length: packet.ranges }, (_, i) => [packet.starts[i]!, packet.counts[i]!]);

/** How this codec says what each golden packet is called. */
const made: Record<string, () => Uint8Array> = {
  'ack 1..3 and 7..7 bytes_read=300': () => ack([[1, 3], [7, 1]], 300), // prettier-ignore
  'ack [1] (counts omitted) bytes_read=5': () => ack([[1, 1]], 5),
  'bytes_read only 4096': () => scratch.slice(0, ncpCodec.putBytesRead(scratch, 0, 4096)),
  close: () => scratch.slice(0, ncpCodec.putClose(scratch, 0)),
  "data seq=1 'hello'": () => data(1, Buffer.from('hello')),
  "data seq=4294967295 'x'": () => data(4294967295, Buffer.from('x')),
  'handshake ids=[0,1] window=4194304 mtu=1300': () =>
    ncpCodec.putHandshake({ clientIds: ['0', '1'], windowBytes: 4194304, mtu: 1300 }),
};

test('[NCP-1] tuna/codec: packets are byte for byte those of the original', () => {
  const all = Object.fromEntries(Object.keys(vectors.ncpPackets).map((name) => [name, hex(made[name]!())]));
  expect(all).toEqual(vectors.ncpPackets);
});

test('[NCP-1] tuna/codec: the packets of the original are understood', () => {
  const packet = (name: string): Packet => read(unhex(vectors.ncpPackets[name]!))!;
  const acked = packet('ack 1..3 and 7..7 bytes_read=300');
  expect([rangesOf(acked), acked.bytesRead]).toEqual([[[1, 3], [7, 1]], 300]); // prettier-ignore
  expect(rangesOf(packet('ack [1] (counts omitted) bytes_read=5'))).toEqual([[1, 1]]);
  expect(packet('bytes_read only 4096').bytesRead).toBe(4096);
  expect(packet('close').close).toBe(true);
  expect(packet("data seq=4294967295 'x'").sequence).toBe(4294967295);
  expect(packet('handshake ids=[0,1] window=4194304 mtu=1300').handshake).toEqual({
    clientIds: ['0', '1'],
    windowBytes: 4194304,
    mtu: 1300,
  });
});

test('[NCP-1] tuna/codec: what is written is what is read', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const payload = random.bytes(random.pick([0, 1, 127, 128, 1300, 60_000]));
    const sequence = random.pick([1, 127, 128, 16384, 2 ** 31, 2 ** 32 - 1]);
    const bytes = data(sequence, payload);
    const packet = read(bytes)!;
    const isSame = Buffer.compare(bytes.subarray(packet.dataStart, packet.dataEnd), payload) === 0;
    expect({ seed, sequence: packet.sequence, isSame }).toEqual({ seed, sequence, isSame: true });
    const ranges = Array.from({ length: 1 + random.int(64) }, (): [number, number] => [
      1 + random.int(2 ** 32 - 1),
      random.chance(0.5) ? 1 : 1 + random.int(5000),
    ]);
    const bytesRead = random.pick([1, 300, 2 ** 31, 2 ** 40 + 7, 2 ** 53 - 1]);
    const acked = read(ack(ranges, bytesRead))!;
    expect({ seed, ranges: rangesOf(acked), bytesRead: acked.bytesRead }).toEqual({ seed, ranges, bytesRead });
  }
});

test('[NCP-2] tuna/codec: unpacked lists, missing lists and unknown fields are understood; lists that do not match are not', () => {
  expect(rangesOf(read(unhex('180118072003'.concat('2001')))!)).toEqual([[1, 3], [7, 1]]); // prettier-ignore
  expect(rangesOf(read(unhex('22020302'))!)).toEqual([[1, 3], [1, 2]]); // prettier-ignore
  expect(read(unhex(`7a03010203${'f80107'}${'0d01020304'}`.replace('0d', '6d').concat('0801')))?.sequence).toBe(1);
  expect(read(unhex('1a020107220103'))).toBeUndefined();
});

test('[NCP-2] tuna/codec: truncated at every byte, garbage, and lists without end are malformed or harmless, never an exception', () => {
  const whole = [...Object.values(vectors.ncpPackets).map(unhex), data(9, new Uint8Array(200))];
  for (const bytes of whole) {
    for (let end = 0; end < bytes.length; end++) {
      const packet = read(bytes.subarray(0, end));
      if (packet !== undefined) expect(packet.dataEnd).toBeLessThanOrEqual(end);
    }
  }
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new SeededRandom(seed);
    const bytes = random.bytes(random.int(40));
    const packet = read(bytes);
    if (packet !== undefined)
      expect({ seed, fits: packet.dataEnd <= bytes.length && packet.dataStart <= packet.dataEnd }).toEqual({ seed, fits: true });
  }
  expect(read(unhex('0a'.concat('ffffffffffffffffffff01')))).toBeUndefined();
  expect(read(unhex('0001'))).toBeUndefined(); // Field number 0.
  expect(read(Uint8Array.from({ length: 2 + 2 * 2049 }, (_, i) => (i % 2 === 0 ? 0x18 : 1)))).toBeUndefined();
});

test('[NCP-3] tuna/codec: sequence arithmetic is that of the original', () => {
  // Numbers half the circle apart can't be compared: no window is so large.
  const isOfOurs = ([text]: [string, unknown]): boolean =>
    /^NextSeq|^CompareSeq/.test(text) && !/^CompareSeq.*\b2147483648\b/.test(text);
  const original = Object.fromEntries(Object.entries<unknown>(vectors.sequenceArithmetic).filter(isOfOurs));
  const ours = Object.fromEntries(
    Object.keys(original).map((text) => {
      const [, name, list] = /^(\w+)\((.*)\)$/.exec(text)!;
      const [a, b] = list!.split(',').map(Number) as [number, number];
      return [text, name === 'NextSeq' ? nextSequence(a, b) : Math.sign(aheadOf(b, a))];
    }),
  );
  expect(ours).toEqual(original);
});

test('[NCP-3] tuna/codec: how far ahead agrees with stepping, around the wrap too', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = new SeededRandom(seed);
    const base = random.pick([1, 5, SEQUENCES, SEQUENCES - 3, 1 + random.int(SEQUENCES)]);
    const step = random.int(1 << 20) - (1 << 19);
    expect({ seed, ahead: aheadOf(base, nextSequence(base, step)) }).toEqual({ seed, ahead: step });
  }
});
