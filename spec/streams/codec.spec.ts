import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame, encodeFrame, STREAM_CODES, type StreamFrame } from '../../adapters/streams/index.js';
import { decodeRecord, encodeRecord, type TransferRecord } from '../../adapters/streams/transfer/index.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const encoded = (frame: StreamFrame): Uint8Array => new Uint8Array(encodeFrame(frame, new Uint8Array(20_000)));
const golden = (file: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(__dirname, '../vectors/streams', file), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/) as [string, string]),
  );

const FRAMES: Record<string, StreamFrame> = {
  hello: { kind: 'hello', versionMin: 1, versionMax: 3, features: 0x01020304 },
  open: { kind: 'open', stream: 5, purpose: 'tunnel', target: 'wörld:22' },
  'open-bare': { kind: 'open', stream: 2, purpose: 'x', target: '' },
  opened: { kind: 'opened', stream: 5 },
  refused: { kind: 'refused', stream: 5, code: 'unreachable' },
  end: { kind: 'end', stream: 0xfffffffd },
  reset: { kind: 'reset', stream: 4, code: 'reset' },
  credit: { kind: 'credit', stream: 5, bytes: 0x00040000 },
  fault: { kind: 'fault', rule: 'STR-2' },
  data: { kind: 'data', stream: 5, bytes: Uint8Array.of(1, 2, 3) },
};
const RECORDS: Record<string, TransferRecord> = {
  offer: {
    kind: 'offer',
    hash: 'sha256',
    files: [
      { name: 'a.txt', size: 3, mode: 0o644, mtimeMs: 1700000000000 },
      { name: '-', size: null },
    ],
  },
  accept: { kind: 'accept', files: [{ offset: 2, sha256: 'ab'.repeat(32) }] },
  begin: { kind: 'begin', file: 1, offset: 2 ** 40 + 5 },
  data: { kind: 'data', bytes: Buffer.of(1, 2, 3) },
  digest: { kind: 'digest', size: 2 ** 40 + 5, sha256: 'cd'.repeat(32) },
  done: { kind: 'done', file: 1 },
  failed: { kind: 'failed', code: 'disk-full', message: 'no room' },
};

test('[STR-1] streams/codec: the bytes of version 1 are frozen', () => {
  expect(Object.fromEntries(Object.entries(FRAMES).map(([name, frame]) => [name, hexOf(encoded(frame))]))).toEqual(
    golden('frames.txt'),
  );
});

test('[XFER-1] streams/codec: the records of version 1 are frozen', () => {
  expect(Object.fromEntries(Object.entries(RECORDS).map(([name, record]) => [name, hexOf(encodeRecord(record))]))).toEqual(
    golden('records.txt'),
  );
});

test('[STR-1] streams/codec: what was written is read back', () => {
  for (const [name, frame] of Object.entries(FRAMES))
    expect({ name, frame: decodeFrame(encoded(frame)) }).toEqual({ name, frame });
  for (const [name, record] of Object.entries(RECORDS))
    expect({ name, record: decodeRecord(encodeRecord(record)) }).toEqual({ name, record });
});

test('[STR-1] streams/codec: a frame cut anywhere in its head is none, and never an error of this side', () => {
  for (const [name, frame] of Object.entries(FRAMES)) {
    const bytes = encoded(frame);
    const needed = { hello: 17, open: bytes.length, 'open-bare': bytes.length, refused: 6, reset: 6, credit: 9 }[name] ?? 5;
    for (let length = 0; length < needed; length++)
      expect({ name, length, read: decodeFrame(bytes.subarray(0, length)) }).toEqual({ name, length, read: 'malformed' });
  }
});

test('[STR-1] streams/codec: unknown kinds are malformed, except those that may be skipped; unknown codes read as failed', () => {
  for (let kind = 0; kind < 256; kind++) {
    const read = decodeFrame(Uint8Array.of(kind, 0, 0, 0, 1, 255, 255, 255, 255, 255));
    if (kind >= 0x80) expect({ kind, read }).toEqual({ kind, read: 'optional' });
    else if (kind === 0 || (kind > 8 && kind !== 0x10)) expect({ kind, read }).toEqual({ kind, read: 'malformed' });
  }
  expect(decodeFrame(Uint8Array.of(6, 0, 0, 0, 1, 200))).toEqual({ kind: 'reset', stream: 1, code: 'failed' });
  expect(STREAM_CODES).toHaveLength(10);
});

test('[STR-1] streams/codec: no bytes make the readers throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      decodeFrame(bytes);
      decodeRecord(bytes);
    }),
    { numRuns: 5000 },
  );
});

const json = (kind: number, text: string): Uint8Array => {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.of(kind, body.length >> 16, body.length >> 8, body.length), body]);
};
const [OFFER, ACCEPT, FAILED] = [1, 2, 7];

test.each([
  [OFFER, '{}'],
  [OFFER, 'null'],
  [OFFER, '{'],
  [OFFER, '{"hash":"md5","files":[{"name":"a","size":1}]}'],
  [OFFER, '{"hash":"sha256","files":[]}'],
  [OFFER, '{"hash":"sha256","files":{}}'],
  [OFFER, '{"hash":"sha256","files":[null]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a"}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a","size":-1}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":7,"size":1}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a","size":1.5}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a","size":1,"mode":4096}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a","size":1,"mtimeMs":"1"}]}'],
  [OFFER, '{"hash":"sha256","files":[{"name":"a","size":1,"mtimeMs":1e999}]}'],
  [OFFER, JSON.stringify({ hash: 'sha256', files: Array.from({ length: 4097 }, () => ({ name: 'a', size: 1 })) })],
  [ACCEPT, '{"files":[{"offset":-1,"sha256":"' + 'a'.repeat(64) + '"}]}'],
  [ACCEPT, '{"files":[{"offset":0,"sha256":"' + 'A'.repeat(64) + '"}]}'],
  [ACCEPT, '{"files":[{"offset":0}]}'],
  [FAILED, '{"code":"io"}'],
  [FAILED, JSON.stringify({ code: 'io', message: 'x'.repeat(1001) })],
])('[XFER-1] a record that is none is none: %d %.80s', (kind, text) => {
  expect(decodeRecord(json(kind, text))).toBeUndefined();
});

test('[XFER-1] streams/codec: what a later version adds is passed over, and a code that is unknown reads as io', () => {
  const offer = json(OFFER, '{"hash":"sha256","files":[{"name":"a","size":null,"owner":"x"}],"more":1}');
  expect(decodeRecord(offer)).toEqual({ kind: 'offer', hash: 'sha256', files: [{ name: 'a', size: null }] });
  expect(decodeRecord(json(FAILED, '{"code":"later","message":"m"}'))).toEqual({ kind: 'failed', code: 'io', message: 'm' });
});
