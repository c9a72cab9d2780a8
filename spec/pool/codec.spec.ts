import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareCodec, looksLikePool, poolCodec as codec } from '../../adapters/pool/codec.js';
import { Framer } from '../../machines/dataplane/framer.js';

const id = Array.from({ length: 32 }, (_, i) => (0x10 + i).toString(16)).join('');
const message = (payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(4 + payload.length);
  codec.putDataHead(frame, 0, payload.length);
  frame.set(payload, 4);
  return frame;
};
const hello = { versionMin: 1, versionMax: 1, id, isInquiry: false };
const refusal = (code: Parameters<typeof codec.putRefused>[0]['code']): Uint8Array =>
  codec.putRefused({ code, retryAfterMs: 1500 });
const goodbye = (code: Parameters<typeof codec.putGoodbye>[0]['code'], afterMs = 0): Uint8Array =>
  codec.putGoodbye({ code, afterMs });
const FRAMES: Record<string, Uint8Array> = {
  message: message(Uint8Array.of(1, 2, 3)),
  'message-empty': message(new Uint8Array(0)),
  hello: codec.putHello('hello', hello),
  'hello-inquiry': codec.putHello('hello', { ...hello, isInquiry: true }),
  welcome: codec.putHello('welcome', hello),
  'refused-malformed': refusal('malformed'),
  'refused-version': refusal('version-unsupported'),
  'refused-limit': refusal('limit-reached'),
  'refused-busy': refusal('busy'),
  'refused-shutdown': refusal('shutdown'),
  'refused-crossed': codec.putRefused({ code: 'crossed', retryAfterMs: 1000, id }),
  'refused-mismatch': refusal('identity-mismatch'),
  'refused-unknown': refusal('identity-unknown'),
  ping: codec.putNumber('ping', 5),
  pong: codec.putNumber('pong', 2 ** 32 - 1),
  'goodbye-closed': goodbye('closed'),
  'goodbye-shutdown': goodbye('shutdown'),
  'goodbye-idle': goodbye('idle'),
  'goodbye-drained': goodbye('drained', 2000),
  'goodbye-replaced': goodbye('replaced'),
};
const FAULTS: Record<string, Uint8Array> = {
  'fault-violated': codec.putFault({ code: 'violated', rule: 'POOL-5' }),
  'fault-oversized': codec.putFault({ code: 'oversized', rule: 'POOL-3' }),
  'fault-malformed': codec.putFault({ code: 'malformed', rule: 'POOL-2' }),
};
const kindOf = (name: string): string => name.replace(/-.*$/, '').replace('message', 'data');
const hexOf = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

test.each([
  ['frames.txt', FRAMES],
  ['fault.txt', FAULTS],
])('[POOL-2] [POOL-13] the bytes of version 1 are frozen: %s', (file, frames) => {
  const golden = readFileSync(join(__dirname, '../vectors/pool', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/) as [string, string]);
  expect(Object.entries(frames).map(([name, frame]) => [name, hexOf(frame)])).toEqual(golden);
});

test('[POOL-1] pool/codec: a message costs four bytes, and is the same where frames are bare', () => {
  const frame = message(Uint8Array.of(1, 2, 3));
  expect(hexOf(frame)).toBe('00000003010203');
  expect([codec.dataHeadBytes, bareCodec.frameBytes(frame, 0), bareCodec.kind(frame, 0, 7)]).toEqual([4, 7, 'data']);
  const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1);
  expect([bareCodec.frameBytes(huge, 0), bareCodec.kind(huge, 0, 5)]).toEqual([2 ** 32 + 3, 'data']);
});

test('[POOL-2] pool/codec: what was written is read back, wherever it lies', () => {
  for (const [name, frame] of Object.entries({ ...FRAMES, ...FAULTS })) {
    const padded = Uint8Array.from([...Array<number>(7).fill(0xee), ...frame, 0xee]);
    const end = 7 + frame.length;
    expect({ name, bytes: codec.frameBytes(padded, 7), kind: codec.kind(padded, 7, end) }).toEqual({
      name,
      bytes: frame.length,
      kind: kindOf(name),
    });
  }
  const read = <T>(name: string, how: (b: Uint8Array, at: number, end: number) => T): T =>
    how(FRAMES[name]!, 0, FRAMES[name]!.length);
  expect(read('hello', codec.hello)).toEqual(hello);
  expect(read('hello-inquiry', codec.hello)).toEqual({ ...hello, isInquiry: true });
  expect(read('refused-busy', codec.refused)).toEqual({ code: 'busy', retryAfterMs: 1500 });
  expect(read('refused-crossed', codec.refused)).toEqual({ code: 'crossed', retryAfterMs: 1000, id });
  expect(read('pong', codec.number)).toBe(2 ** 32 - 1);
  expect(read('goodbye-drained', codec.goodbye)).toEqual({ code: 'drained', afterMs: 2000 });
  const fault = FAULTS['fault-oversized']!;
  expect(codec.fault(fault, 0, fault.length)).toEqual({ code: 'oversized', rule: 'POOL-3' });
  expect(codec.fault(fault, 0, fault.length - 1)).toBeUndefined();
});

test('[POOL-2] pool/codec: a body that is too short is malformed, at every length; one that is longer is a later version', () => {
  const readers = {
    hello: codec.hello,
    welcome: codec.hello,
    refused: codec.refused,
    ping: codec.number,
    goodbye: codec.goodbye,
  };
  for (const [name, read] of Object.entries(readers)) {
    const frame = FRAMES[name] ?? FRAMES[`${name}-closed`] ?? FRAMES[`${name}-busy`]!;
    for (let n = 5; n < frame.length; n++)
      expect({ name, n, read: read(frame.subarray(0, n), 0, n) }).toEqual({ name, n, read: undefined });
    const longer = Uint8Array.from([...frame, 9, 9, 9]);
    expect(read(longer, 0, longer.length)).toEqual(read(frame, 0, frame.length));
  }
  expect(codec.kind(Uint8Array.of(0x80, 0, 0, 0), 0, 4)).toBe('critical'); // Not even a kind.
  expect(codec.kind(Uint8Array.of(0x80, 0, 0, 1, 0x7f), 0, 5)).toBe('critical');
  expect(codec.kind(Uint8Array.of(0x80, 0, 0, 1, 0x80), 0, 5)).toBe('optional');
  expect(codec.goodbye(Uint8Array.of(0x80, 0, 0, 6, 6, 99, 0, 0, 0, 0), 0, 10)).toEqual({ code: 'closed', afterMs: 0 });
});

test('[POOL-2] pool/codec: the first bytes of a wire tell this protocol from others as early as they can', () => {
  for (const name of ['hello', 'hello-inquiry']) {
    for (let n = 0; n < 9; n++) expect({ n, is: looksLikePool(FRAMES[name]!.subarray(0, n)) }).toEqual({ n, is: undefined });
    expect(looksLikePool(FRAMES[name]!)).toBe(true);
  }
  expect(looksLikePool(new TextEncoder().encode('G'))).toBe(false);
  expect(looksLikePool(Uint8Array.of(0x80, 0, 0, 41, 1, 0, 0, 0, 0))).toBe(false);
  for (const name of ['message', 'welcome', 'ping']) expect(looksLikePool(FRAMES[name]!)).toBe(false);
});

test('[POOL-1] pool/codec: any frames in any chunks come out as they went in', () => {
  const frames = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map(message),
      fc.nat(0xffffffff).map((n) => codec.putNumber('ping', n)),
      fc.constantFrom(...Object.values(FRAMES)),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), fc.boolean(), (given, sizes, lent) => {
      const stream = Buffer.concat(given);
      const framer = new Framer(codec, 1 << 20);
      const got: string[] = [];
      for (let at = 0, n = 0; at < stream.length; n++) {
        const chunk = new Uint8Array(stream.subarray(at, (at += sizes[n % sizes.length]!)));
        framer.push(chunk, lent);
        while (framer.poll() === 'frame') got.push(hexOf(framer.bytes.subarray(framer.start, framer.end)));
        if (lent) chunk.fill(0xee);
      }
      expect(got).toEqual(given.map(hexOf));
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('[POOL-2] pool/codec: no bytes make a reader throw, or see more than there is', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.constantFrom(...Object.values(FRAMES)), fc.nat(90), fc.nat(255)).map(([frame, at, byte]) => {
      const corrupt = new Uint8Array(frame);
      corrupt[at % corrupt.length] = byte;
      return corrupt;
    }),
  );
  fc.assert(
    fc.property(bytes, (b) => {
      looksLikePool(b);
      if (b.length < 4) return;
      expect(codec.frameBytes(b, 0)).toBeGreaterThanOrEqual(4);
      codec.kind(b, 0, b.length);
      const hello = codec.hello(b, 0, b.length);
      if (hello !== undefined) expect(hello.id).toMatch(/^[0-9a-f]{64}$/);
      codec.refused(b, 0, b.length);
      codec.goodbye(b, 0, b.length);
      codec.number(b, 0, b.length);
    }),
    { seed: 8, numRuns: 2000 },
  );
});
