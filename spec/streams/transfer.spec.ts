import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  FileSource,
  PipeSource,
  Receiver,
  sendFiles,
  TransferError,
  type FileReport,
  type Source,
} from '../../adapters/streams/index.js';
import type { ReceiverOptions } from '../../adapters/streams/index.js';
import { encodeRecord, type TransferRecord } from '../../adapters/streams/transfer/index.js';
import { PartialFile } from '../../adapters/streams/transfer/partial-file.js';
import { faultOf } from '../../adapters/streams/transfer/names.js';
import { openPair, type Pair } from './pair.js';

let pair: Pair;
let scratch: string;
let out: string;
beforeEach(async () => {
  pair = await openPair();
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-xfer-'));
  mkdirSync((out = join(scratch, 'out')));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await pair.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** What becomes of the next transfer at the receiver. */
function receiving(
  options: Partial<ReceiverOptions> = {},
  receiver = new Receiver({ directory: out, ...options }),
): Promise<unknown> {
  return new Promise((resolve) => {
    pair.far.onOffer = (offer) => void receiver.receive(offer).then(resolve, resolve);
  });
}
function file(name: string, content: Uint8Array): string {
  writeFileSync(join(scratch, name), content);
  return join(scratch, name);
}
const source = (path: string, name = 'a'): Promise<FileSource> => FileSource.of(path, name);
const failed = (code: string, side: 'local' | 'remote', message?: string): object =>
  expect.objectContaining({
    name: 'TransferError',
    code,
    side,
    ...(message ? { message: expect.stringContaining(message) } : {}),
  });
const sending = (...sources: Source[]): Promise<unknown> => sendFiles(pair.near, sources).catch((error: Error) => error);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A sender that says what it likes; resolves with what it hears until the stream ends. */
async function lie(...records: (TransferRecord | Uint8Array)[]): Promise<string> {
  const stream = await pair.near.open('transfer');
  let heard = '';
  stream.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1'))).on('error', () => {});
  for (const record of records) stream.write(record instanceof Uint8Array ? record : encodeRecord(record));
  stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
  return heard;
}
const offer = (name: string, size: number | null = 3): TransferRecord => ({
  kind: 'offer',
  hash: 'sha256',
  files: [{ name, size }],
});

test('[XFER-3] streams/transfer: names that lead anywhere, or that some platform keeps for itself, are refused', () => {
  const bad = [
    ...['', '.', '..', '../a', 'a/b', '/etc/passwd', 'a\\b', 'C:\\a', '..\\a', 'a\0b', 'a\nb', '\u0085', 'x'.repeat(256)],
    ...['con', 'NUL', 'nul.txt', 'Com1', 'lpt9.log', 'AUX ', 'prn.', 'com¹', '.holdfast-x.part', '\ud800'],
  ];
  for (const name of bad) expect({ name, isRefused: faultOf(name) !== undefined }).toEqual({ name, isRefused: true });
  for (const name of ['a', '...', '.bashrc', 'con1', 'console', 'ä ö.txt', '12:30', 'x'.repeat(255), '文件', '-'])
    expect({ name, fault: faultOf(name, 'linux') }).toEqual({ name, fault: undefined });
  for (const name of ['12:30', 'a?', 'a ', 'a.'])
    expect({ name, fault: faultOf(name, 'win32') }).toEqual({ name, fault: 'Windows does not allow it' });
});

test.each(['../escape', '/tmp/escape', 'a\\b', '..', 'nul'])(
  '[XFER-3] streams/transfer: an offer of %j is refused before anything is written',
  async (name) => {
    const result = receiving();
    expect(await lie(offer(name))).toContain('bad-name');
    expect(await result).toEqual(failed('bad-name', 'local'));
    expect([readdirSync(out), readdirSync(scratch)]).toEqual([[], ['out']]);
  },
);

test('[XFER-3] streams/transfer: a draft that is a link is not written through', async () => {
  const precious = file('precious', Buffer.from('precious'));
  symlinkSync(precious, new PartialFile(out, 'a').path);
  const result = receiving();
  expect(await sending(await source(file('a', randomBytes(10))))).toEqual(failed('io', 'remote', 'ELOOP'));
  expect(await result).toBeInstanceOf(TransferError);
  expect(readFileSync(precious, 'utf8')).toBe('precious');
});

test('[XFER-3] streams/transfer: a name that another process took meanwhile is not overwritten', async () => {
  const result = receiving({ progress: () => writeFileSync(join(out, 'a'), 'theirs') });
  expect(await sending(await source(file('a', randomBytes(10))))).toEqual(failed('exists', 'remote'));
  expect(await result).toEqual(failed('exists', 'local'));
  expect(readFileSync(join(out, 'a'), 'utf8')).toBe('theirs');
});

test('[XFER-4] streams/transfer: a full disk and a missing permission are reported to both sides, and the file does not have its name', async () => {
  for (const [code, told] of [
    ['ENOSPC', 'disk-full'],
    ['EACCES', 'permission'],
    ['EIO', 'io'],
  ]) {
    const error = Object.assign(new Error(`${code}: no luck, write`), { code, syscall: 'write' });
    jest.spyOn(PartialFile.prototype, 'append').mockRejectedValueOnce(error);
    const result = receiving();
    expect(await sending(await source(file('a', randomBytes(5 << 20))))).toEqual(failed(told!, 'remote', 'no luck'));
    expect(await result).toEqual(failed(told!, 'local'));
    expect(existsSync(join(out, 'a'))).toBe(false);
  }
  // There is room again.
  const bytes = randomBytes(5 << 20);
  const result = receiving();
  await sendFiles(pair.near, [await source(file('a', bytes))]);
  await result;
  expect([readdirSync(out), sha256(readFileSync(join(out, 'a')))]).toEqual([['a'], sha256(bytes)]);
});

test.each<[string, (path: string) => void]>([
  ['grows', (path) => appendFileSync(path, 'more')],
  ['shrinks', (path) => writeFileSync(path, 'less')],
  ['is written to', (path) => writeFileSync(path, randomBytes(8 << 20))],
])('[XFER-4] streams/transfer: a source that %s while it is read is noticed, and nothing of it is kept', async (_, change) => {
  const path = file('a', randomBytes(8 << 20));
  const result = receiving();
  let isChanged = false;
  const sent = await sendFiles(pair.near, [await source(path)], {
    progress: () => {
      if (!isChanged) change(path);
      isChanged = true;
    },
  }).catch((error: Error) => error);
  // Who notices first depends on how much of it was read.
  expect(sent).toMatchObject({ name: 'TransferError', code: 'source-changed' });
  expect(await result).toMatchObject({ name: 'TransferError', code: 'source-changed' });
  expect(readdirSync(out)).toEqual([]);
});

test('[XFER-4] streams/transfer: bytes that are not what was digested are thrown away', async () => {
  const result = receiving();
  const heard = await lie(
    offer('a'),
    { kind: 'begin', file: 0, offset: 0 },
    { kind: 'data', bytes: Buffer.from('abc') },
    { kind: 'digest', size: 3, sha256: sha256(Buffer.from('abd')) },
  );
  expect(heard).toContain('digest');
  expect(await result).toEqual(failed('digest', 'local'));
  expect(readdirSync(out)).toEqual([]);
});

const begin: TransferRecord = { kind: 'begin', file: 0, offset: 0 };
const abc: TransferRecord = { kind: 'data', bytes: Buffer.from('abc') };
test.each<[string, string, (TransferRecord | Uint8Array)[]]>([
  ['no offer', 'malformed', [begin]],
  ['bytes that are no record', 'malformed', [Buffer.of(99, 0, 0, 1, 0)]],
  ['a record above the bound', 'malformed', [Buffer.of(1, 255, 255, 255)]],
  [
    'a name offered twice',
    'bad-name',
    [
      {
        kind: 'offer',
        hash: 'sha256',
        files: [
          { name: 'a', size: 1 },
          { name: 'a', size: 1 },
        ],
      },
    ],
  ],
  ['data before a file has begun', 'malformed', [offer('a'), abc]],
  ['a file that was not offered', 'malformed', [offer('a'), { kind: 'begin', file: 1, offset: 0 }]],
  ['an offset that was not accepted', 'malformed', [offer('a'), { kind: 'begin', file: 0, offset: 2 }]],
  ['a second beginning', 'malformed', [offer('a'), begin, begin]],
  ['more than was offered', 'source-changed', [offer('a', 2), begin, abc]],
  ['an end before everything was sent', 'malformed', [offer('a'), begin, abc]],
  ['a second offer', 'malformed', [offer('a'), offer('b')]],
  ['a digest of nothing begun', 'malformed', [offer('a'), { kind: 'digest', size: 0, sha256: 'ab'.repeat(32) }]],
])(
  '[XFER-1] streams/transfer: a sender that says %s gets %s, and the receiver takes the next transfer',
  async (_, code, records) => {
    const receiver = new Receiver({ directory: out });
    const result = receiving({}, receiver);
    expect(await lie(...records)).toContain(code);
    expect(await result).toEqual(failed(code, 'local'));
    const next = receiving({}, receiver);
    expect(await sending(await source(file('honest', Buffer.from('x')), 'honest'))).toHaveLength(1);
    await next;
    expect(readFileSync(join(out, 'honest'), 'utf8')).toBe('x');
  },
);

test('[XFER-1] streams/transfer: a receiver that says what it must not ends the transfer', async () => {
  for (const record of [
    { kind: 'accept', files: [] },
    { kind: 'done', file: 0 },
  ] as TransferRecord[]) {
    pair.far.onOffer = (asked) =>
      void asked
        .accept()
        .on('error', () => {})
        .end(encodeRecord(record));
    expect({ record, error: await sending(await source(file('a', randomBytes(10)))) }).toEqual({
      record,
      error: failed('malformed', 'local'),
    });
  }
});

test('[XFER-2] streams/transfer: the same file begun anew takes over from a stream that has not ended; another file of that name does not', async () => {
  const bytes = randomBytes(16 << 20);
  const path = file('a', bytes);
  const receiver = new Receiver({ directory: out });
  const results: Promise<unknown>[] = [];
  let isHeld: () => void;
  const held = new Promise<void>((resolve) => (isHeld = resolve));
  pair.far.onOffer = (asked) => void results.push(receiver.receive(asked).catch((error: Error) => error));
  // A sender that stands still in the middle, as one does that was killed and whose end nobody has noticed.
  class Stuck extends FileSourceLike {
    override async read(into: Uint8Array): Promise<number> {
      if ((this.left -= into.length) > 0) return this.inner.read(into);
      isHeld();
      return new Promise(() => {});
    }
  }
  const inner = await source(path);
  void sending(new Stuck(inner, 12 << 20));
  await held;
  const other = await sending(await source(file('b', randomBytes(100)), 'a'));
  expect(other).toEqual(failed('busy', 'remote'));
  const [report] = (await sendFiles(pair.near, [await source(path)])) as [FileReport];
  expect(report).toMatchObject({ bytes: 16 << 20, sha256: sha256(bytes) });
  expect(report.bytesKept).toBeGreaterThan(8 << 20);
  expect(await results[0]).toMatchObject({ name: 'StreamError', code: 'cancelled' });
  expect(readdirSync(out)).toEqual(['a']);
  await inner.close();
});

test('[XFER-2] streams/transfer: of several that take over at once one goes on alone', async () => {
  const path = file('a', randomBytes(2 << 20));
  const receiver = new Receiver({ directory: out });
  let isHeld: () => void;
  const held = new Promise<void>((resolve) => (isHeld = resolve));
  pair.far.onOffer = (asked) => void receiver.receive(asked).catch(() => {});
  class Stuck extends FileSourceLike {
    override read(): Promise<number> {
      isHeld();
      return new Promise(() => {});
    }
  }
  const inner = await source(path);
  void sending(new Stuck(inner, 0));
  await held;
  const ends = await Promise.all([sending(await source(path)), sending(await source(path))]);
  expect(ends).toContainEqual(expect.objectContaining({ name: 'StreamError', code: 'cancelled' }));
  expect(ends).toContainEqual([expect.objectContaining({ sha256: sha256(readFileSync(path)) })]);
  expect(readdirSync(out)).toEqual(['a']);
  await inner.close();
});

test('[XFER-3] streams/transfer: a file that was refused does not keep its name from the next one', async () => {
  const receiver = new Receiver({ directory: out });
  const refused = receiving({}, receiver);
  writeFileSync(join(out, 'a'), 'in the way');
  expect(await sending(await source(file('a', randomBytes(11))))).toEqual(failed('exists', 'remote'));
  await refused;
  rmSync(join(out, 'a'));
  const bytes = randomBytes(20);
  expect(await sending(await source(file('a', bytes)))).toMatchObject([{ sha256: sha256(bytes) }]);
});

(process.platform === 'win32' ? test.skip : test)(
  '[XFER-1] a named pipe is no file, and nobody waits for its writer',
  async () => {
    const path = join(scratch, 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(source(path)).rejects.toThrow(`${path} is not a file`);
  },
);

test('[XFER-1] a pipe goes once: after a break in the middle there is nothing to begin again with', async () => {
  const pipe = new PipeSource(Readable.from([Buffer.from('abc'), Buffer.from('def')]), 'p');
  const result = receiving();
  expect(await sendFiles(pair.near, [pipe])).toMatchObject([{ name: 'p', bytes: 6, bytesKept: 0 }]);
  await result;
  rmSync(join(out, 'p'));
  void receiving();
  expect(await sending(pipe)).toEqual(failed('source-changed', 'local', "can't be read again"));
});

/** A source that behaves as another one, but for what a test changes. */
abstract class FileSourceLike implements Source {
  constructor(
    readonly inner: FileSource,
    public left: number,
  ) {}
  get about(): Source['about'] {
    return this.inner.about;
  }
  prefix(bytes: number): ReturnType<Source['prefix']> {
    return this.inner.prefix(bytes);
  }
  open(offset: number): Promise<void> {
    return this.inner.open(offset);
  }
  abstract read(into: Uint8Array): Promise<number>;
  check(bytes: number): Promise<void> {
    return this.inner.check(bytes);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}
