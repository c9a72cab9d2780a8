import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { looksLikeResume, resumeCodec as codec } from '../../adapters/resume/codec.js';

const bytes = (length: number, from: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
const hello = {
  versionMin: 1,
  versionMax: 1,
  resume: true,
  session: bytes(16, 0x10),
  token: bytes(32, 0x40),
  epoch: 3,
  next: 0xfffffffe,
  first: 7,
  credit: 2 ** 40 + 5,
  windowMs: 60_000,
  messageBytesMax: 1 << 20,
  features: 0,
};
const data = (prompt: boolean, payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(8 + payload.length);
  codec.putData(frame, 0, 2 ** 32 + 258, payload, prompt);
  return frame;
};
const FRAMES: Record<string, Uint8Array> = {
  hello: codec.putHello('hello', hello),
  'hello-new': codec.putHello('hello', { ...hello, resume: false, epoch: 0, next: 1, first: 1 }),
  welcome: codec.putHello('welcome', hello),
  confirm: codec.putNumber('confirm', 3),
  refused: codec.putRefused({ code: 'busy', retryAfterMs: 1500, versionMin: 1, versionMax: 1 }),
  goodbye: codec.putGoodbye(9, 4, 'shutdown'),
  'goodbye-ack': codec.putNumber('goodbye-ack', 9),
  credit: codec.putNumber('credit', 2 ** 40 + 5),
  ping: codec.putNumber('ping', 5),
  pong: codec.putNumber('pong', 5),
  drain: codec.putNumber('drain', 2000),
  data: data(false, bytes(3, 1)),
  'data-empty': data(false, bytes(0, 0)),
  'data-prompt': data(true, bytes(3, 1)),
  ack: codec.putAck(2 ** 32 + 0x010203),
};
/** What came later, beside the frozen ones: peers of before skip it. */
const trail = { wire: 0x1234567, before: 0x89abcd, tries: 2 };
const LATER: Record<string, Uint8Array> = {
  'hello-trail': codec.putHello('hello', { ...hello, trail }),
  'welcome-trail': codec.putHello('welcome', { ...hello, trail: { ...trail, tries: 0 } }),
  fault: codec.putFault({ code: 'oversized', rule: 'RES-16' }),
};
const golden = goldenOf('frames.txt');
function goldenOf(name: string): Record<string, string> {
  const lines = readFileSync(join(__dirname, '../vectors/resume', name), 'utf8').split('\n');
  return Object.fromEntries(
    lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s+/) as [string, string]),
  );
}
const hexOf = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

test('[RES-18] resume/codec: the bytes of version 1 are frozen', () => {
  expect(Object.fromEntries(Object.entries(FRAMES).map(([name, frame]) => [name, hexOf(frame)]))).toEqual(golden);
});

test('[RES-18] [RES-20] [RES-21] resume/codec: so are those of the trail and the fault', () => {
  const hexes = Object.fromEntries(Object.entries(LATER).map(([name, frame]) => [name, hexOf(frame)]));
  expect(hexes).toEqual(goldenOf('trail-and-fault.txt'));
  expect(codec.hello(LATER['hello-trail']!, 0, 102)).toEqual({ ...hello, trail });
  expect(codec.hello(LATER['hello-trail']!, 0, 101)).toEqual(hello); // One that was appended to by somebody else.
  expect(codec.fault(LATER['fault']!, 0, 6)).toEqual({ code: 'oversized', rule: 'RES-16' });
});

test('[RES-18] resume/codec: a data frame and the acknowledgement beside it cost 12 bytes', () => {
  expect(codec.dataHeadBytes + codec.putAck(1).length).toBe(12);
});

test('[RES-7] resume/codec: what was written is read back, the empty payload too', () => {
  for (const [name, frame] of Object.entries(FRAMES)) {
    expect({ name, length: codec.frameBytes(frame, 0), kind: codec.kind(frame, 0) }).toEqual({
      name,
      length: frame.length,
      kind: name.replace(/-(new|empty)$/, ''),
    });
  }
  expect(codec.hello(FRAMES['hello']!, 0, 90)).toEqual(hello);
  expect(codec.sequence(FRAMES['data']!, 0)).toBe(258);
  expect(codec.acked(FRAMES['ack']!, 0)).toBe(0x010203);
  expect(codec.number(FRAMES['credit']!, 0, 10)).toBe(2 ** 40 + 5);
  expect(codec.refused(FRAMES['refused']!, 0, 16)).toEqual({ code: 'busy', retryAfterMs: 1500, versionMin: 1, versionMax: 1 });
  expect(codec.goodbye(FRAMES['goodbye']!, 0, 13)).toEqual({ position: 9, next: 4, code: 'shutdown' });
});

test('[RES-16] resume/codec: a body that is too short is malformed, at every length', () => {
  const short = (frame: Uint8Array, length: number, read: (b: Uint8Array, at: number, end: number) => unknown): unknown =>
    read(frame.subarray(0, length), 0, length);
  for (let n = 4; n < 90; n++) expect(short(FRAMES['hello']!, n, codec.hello)).toBeUndefined();
  for (let n = 4; n < 6; n++) expect(short(LATER['fault']!, n, codec.fault)).toBeUndefined();
  for (let n = 4; n < 16; n++) expect(short(FRAMES['refused']!, n, codec.refused)).toBeUndefined();
  for (let n = 4; n < 13; n++) expect(short(FRAMES['goodbye']!, n, codec.goodbye)).toBeUndefined();
  for (let n = 4; n < 8; n++) expect(short(FRAMES['ping']!, n, codec.number)).toBeUndefined();
  for (let n = 4; n < 10; n++) expect(short(FRAMES['credit']!, n, codec.number)).toBeUndefined();
});

test('[RES-17] resume/codec: the first bytes of a wire tell this protocol from others as early as they can', () => {
  const opening = FRAMES['hello']!;
  for (let n = 0; n < 8; n++) expect(looksLikeResume(opening.subarray(0, n))).toBeUndefined();
  expect(looksLikeResume(opening)).toBe(true);
  expect(looksLikeResume(new TextEncoder().encode('G'))).toBe(false);
  expect(looksLikeResume(Uint8Array.of(1, 0, 0, 86, 0, 0, 0, 0))).toBe(false);
});
