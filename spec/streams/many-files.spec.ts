import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSource, Receiver, sendFiles, type FileReport, type Source } from '../../adapters/streams/index.js';
import { decodeRecord, encodeRecord, type TransferRecord } from '../../adapters/streams/transfer/index.js';
import { openPair, type Pair } from './pair.js';

let pair: Pair;
let scratch: string;
let out: string;
beforeEach(async () => {
  pair = await openPair();
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-many-'));
  mkdirSync((out = join(scratch, 'out')));
});
afterEach(async () => {
  await pair.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** A source without a disk. */
class MemorySource implements Source {
  readonly about: { readonly name: string; readonly size: number };
  #at = 0;
  isOpen = false;
  constructor(
    name: string,
    readonly bytes: Uint8Array,
  ) {
    this.about = { name, size: bytes.length };
  }
  prefix(bytes: number): ReturnType<Source['prefix']> {
    const hash = createHash('sha256').update(this.bytes.subarray(0, bytes));
    return Promise.resolve(bytes > this.bytes.length ? undefined : hash);
  }
  open(offset: number): Promise<void> {
    this.#at = offset;
    this.isOpen = true;
    return Promise.resolve();
  }
  read(into: Uint8Array): Promise<number> {
    const part = this.bytes.subarray(this.#at, this.#at + into.length);
    into.set(part);
    this.#at += part.length;
    return Promise.resolve(part.length);
  }
  check(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }
}

const contentOf = (i: number): Buffer => Buffer.from(`${i} `.repeat(i % 50));
const sources = (count: number, nameOf = (i: number): string => `f${i}`): MemorySource[] =>
  Array.from({ length: count }, (_, i) => new MemorySource(nameOf(i), contentOf(i)));

function receiving(): Promise<unknown> {
  const receiver = new Receiver({ directory: out });
  return new Promise((resolve) => {
    pair.far.onOffer = (offer) => void receiver.receive(offer).then(resolve, resolve);
  });
}

for (const count of [300, 4100])
  test(`transfers: ${count} files go in one transfer, in order, and each is what it was [XFER-1]`, async () => {
    const received = receiving();
    const offered = sources(count);
    const told: string[] = [];
    const sent = await sendFiles(pair.near, offered, { sent: ({ name }) => told.push(name) });
    const names = offered.map(({ about }) => about.name);
    expect(sent.map(({ name }) => name)).toEqual(names);
    expect(told).toEqual(names);
    expect(((await received) as FileReport[]).map(({ name }) => name)).toEqual(names);
    expect(readdirSync(out)).toHaveLength(count); // And no draft is left.
    for (let i = 0; i < count; i += 97) expect(readFileSync(join(out, `f${i}`)).equals(contentOf(i))).toBe(true);
    expect(offered.some(({ isOpen }) => isOpen)).toBe(false);
  }, 300_000);

test('transfers: names so long that an offer of all would not fit a record go in more rounds [XFER-1]', async () => {
  const received = receiving();
  const nameOf = (i: number): string => `${String(i).padStart(5, '0')}${'ü'.repeat(120)}`;
  const sent = await sendFiles(pair.near, sources(1400, nameOf));
  expect(sent).toHaveLength(1400);
  expect(await received).toHaveLength(1400);
}, 300_000);

test('transfers: files in many rounds go on where they were after the session is lost [XFER-2]', async () => {
  const offered = sources(1400, (i) => `${i}${'ü'.repeat(110)}`);
  const first = receiving();
  let done = 0;
  const broken = sendFiles(pair.near, offered, {
    sent: () => void (++done === 1000 && pair.nearConnection.close({ now: true })),
  });
  await expect(broken).rejects.toMatchObject({ name: 'StreamError' });
  expect(await first).toMatchObject({ name: 'StreamError' });
  await pair.close();
  pair = await openPair();
  const second = receiving();
  const sent = await sendFiles(pair.near, offered);
  expect([sent.length, ((await second) as FileReport[]).length, readdirSync(out).length]).toEqual([1400, 1400, 1400]);
  expect(sent.filter(({ bytes, bytesKept }) => bytes > 0 && bytes === bytesKept).length).toBeGreaterThan(900);
}, 300_000);

test('transfers: a file that can not get its name ends it; what came before is confirmed, in order [XFER-4]', async () => {
  mkdirSync(join(out, 'f50'));
  const received = receiving();
  const told: string[] = [];
  const sent = sendFiles(pair.near, sources(200), { sent: ({ name }) => told.push(name) });
  await expect(sent).rejects.toMatchObject({ code: 'exists', side: 'remote' });
  expect(await received).toMatchObject({ code: 'exists', side: 'local' });
  expect(told).toEqual([]);
});

test('transfers: a name taken while later files come is reported, and files before it stay confirmed [XFER-3]', async () => {
  // The name is taken after the look and before the file gets it.
  const offered = sources(300);
  const before = offered[100]!.read.bind(offered[100]);
  offered[100]!.read = (into) => (writeFileSync(join(out, 'f100'), 'mine'), before(into));
  const received = receiving();
  const told: string[] = [];
  await expect(sendFiles(pair.near, offered, { sent: ({ name }) => told.push(name) })).rejects.toMatchObject({ code: 'exists' });
  expect(await received).toMatchObject({ code: 'exists', message: expect.stringContaining('f100') });
  expect(told).toEqual(Array.from({ length: 100 }, (_, i) => `f${i}`));
  expect(readFileSync(join(out, 'f100'), 'utf8')).toBe('mine');
});

test('transfers: a small file that grows while it is sent is noticed [XFER-4]', async () => {
  const path = join(scratch, 'small');
  writeFileSync(path, 'abc');
  const source = await FileSource.of(path, 'small');
  await promises.appendFile(path, 'd');
  const received = receiving();
  await expect(sendFiles(pair.near, [source])).rejects.toMatchObject({ code: 'source-changed' });
  expect(await received).toMatchObject({ code: 'source-changed' });
  expect(existsSync(join(out, 'small'))).toBe(false);
});

test('transfers: a draft of a small file, and its state, are of no harm to a new beginning [XFER-2]', async () => {
  const stem = `.holdfast-${createHash('sha256').update('f7').digest('hex').slice(0, 24)}`;
  writeFileSync(join(out, `${stem}.part`), 'something that is longer than the file will be, and else');
  writeFileSync(join(out, `${stem}.json`), JSON.stringify({ version: 1, name: 'f7', offset: 4, sha256: 'a'.repeat(64) }));
  const received = receiving();
  await sendFiles(pair.near, sources(8));
  await received;
  expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(readFileSync(join(out, 'f7')).equals(contentOf(7))).toBe(true);
});

test('transfers: a receiver of an older version, which knows no rounds, is named [XFER-1]', async () => {
  pair.far.onOffer = (offer) => {
    const stream = offer.accept();
    const nothing = createHash('sha256').digest('hex');
    stream.once('data', () =>
      stream.write(encodeRecord({ kind: 'accept', files: Array.from({ length: 4096 }, () => ({ offset: 0, sha256: nothing })) })),
    );
    let number = 0;
    let rest = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let bytes; rest.length >= 4 && rest.length >= (bytes = 4 + rest.readUIntBE(1, 3)); rest = rest.subarray(bytes)) {
        if (decodeRecord(rest.subarray(0, bytes))?.kind === 'digest')
          stream.write(encodeRecord({ kind: 'done', file: number++ }));
        if (number === 4096) stream.end();
      }
    });
    stream.on('error', () => {});
  };
  await expect(sendFiles(pair.near, sources(4100))).rejects.toThrow('takes no more than 4096 files');
}, 60_000);

test.each<[string, readonly TransferRecord[]]>([
  ['goes on without another offer', [{ kind: 'digest', size: 0, sha256: 'a'.repeat(64) }]],
  ['ends after the word of another round', []],
])('transfers: a sender that %s gets `malformed` [XFER-1]', async (_, more) => {
  const received = receiving();
  const stream = await pair.near.open('transfer');
  stream.on('data', () => {}).on('error', () => {});
  const empty = createHash('sha256').digest('hex');
  for (const record of [
    { kind: 'offer', hash: 'sha256', files: [{ name: 'a', size: 0 }], more: true },
    { kind: 'begin', file: 0, offset: 0 },
    { kind: 'digest', size: 0, sha256: empty },
    ...more,
  ] as const)
    stream.write(encodeRecord(record));
  stream.end();
  expect(await received).toMatchObject({ name: 'TransferError', code: 'malformed' });
});

test('transfers: the mode that this process takes away is read once for all files, since reading it takes it from all threads [XFER-1]', async () => {
  const read = jest.spyOn(process, 'umask');
  const received = receiving();
  await sendFiles(pair.near, sources(50));
  await received;
  const calls = read.mock.calls.length;
  read.mockRestore();
  expect([calls, readdirSync(out).length]).toEqual([1, 50]);
});

test('transfers: a small file has the mode that was offered, whatever this process gives away by itself, also over an older draft [XFER-1]', async () => {
  const modes = [0o644, 0o600, 0o755, 0o666, 0o777, 0o444, 0o400, 0o000];
  for (const umask of [0o022, 0o077, 0o000]) {
    const before = process.umask(umask);
    try {
      const stem = `.holdfast-${createHash('sha256').update(`${umask} 0`).digest('hex').slice(0, 24)}`;
      writeFileSync(join(out, `${stem}.part`), 'left over', { mode: 0o600 });
      const offered = modes.map((mode, i) => {
        const source = new MemorySource(`${umask} ${i}`, contentOf(i + 1));
        return Object.assign(source, { about: { ...source.about, mode } });
      });
      const received = receiving();
      await sendFiles(pair.near, offered);
      await received;
      expect(modes.map((_, i) => statSync(join(out, `${umask} ${i}`)).mode & 0o777)).toEqual(modes);
    } finally {
      process.umask(before);
    }
  }
});
