import { createHash } from 'node:crypto';
import fs, { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FileSource, Receiver, sendFiles, type FileReport, type Source } from '../../adapters/streams/index.js';
import { Confirmations } from '../../adapters/streams/transfer/confirmations.js';
import { decodeRecord } from '../../adapters/streams/transfer/index.js';
import type { RecordStream } from '../../adapters/streams/transfer/record-stream.js';
import { TransferLog } from '../../adapters/cli/transfer-log.js';
import { LinkWatch } from '../../adapters/cli/links.js';
import { Output } from '../../adapters/cli/output.js';
import { openPair, type Pair } from './pair.js';

let pair: Pair;
let scratch: string;
let out: string;
beforeEach(async () => {
  pair = await openPair();
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-small-'));
  mkdirSync((out = join(scratch, 'out')));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await pair.close();
  rmSync(scratch, { recursive: true, force: true });
});

const contentOf = (i: number): Buffer => Buffer.from(`${i} `.repeat(i % 50));
/** Files on the disk, and how they are offered. */
function filesOf(count: number): Promise<FileSource[]> {
  const all = Array.from({ length: count }, (_, i) => {
    writeFileSync(join(scratch, `f${i}`), contentOf(i));
    return FileSource.of(join(scratch, `f${i}`), `f${i}`);
  });
  return Promise.all(all);
}
function receiving(received: (file: FileReport) => void = () => {}): Promise<unknown> {
  const receiver = new Receiver({ directory: out, received });
  return new Promise((resolve) => {
    pair.far.onOffer = (offer) => void receiver.receive(offer).then(resolve, resolve);
  });
}
const stemOf = (name: string): string => `.holdfast-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
const reportOf = (i: number): FileReport => ({ name: `f${i}`, bytes: 0, sha256: '', bytesKept: 0 });

/** Lets the files' calls of one kind wait until they are released; counts how many do. */
function holdBack(): { held: () => number; most: () => number; release(): void } {
  const real = fs.fsync;
  let waiting: (() => void)[] = [];
  let most = 0;
  let isOpen = false;
  jest.spyOn(fs, 'fsync').mockImplementation((fd, done) => {
    if (isOpen) return real(fd, done);
    waiting.push(() => real(fd, done));
    most = Math.max(most, waiting.length);
  });
  const release = (): void => {
    isOpen = true;
    for (const go of waiting) go();
    waiting = [];
  };
  return { held: () => waiting.length, most: () => most, release };
}

test('transfers: small files are forced to the disk concurrently, at most 64 of them, and none is confirmed before [XFER-1]', async () => {
  const hold = holdBack();
  const confirmed: string[] = [];
  const received = receiving();
  const sent = sendFiles(pair.near, await filesOf(300), { sent: ({ name }) => confirmed.push(name) });
  while (hold.held() < 64) await nextTurn();
  for (let turn = 0; turn < 200; turn++) await nextTurn(); // More would come now.
  expect([hold.held(), confirmed, readdirSync(out).filter((name) => !name.startsWith('.'))]).toEqual([64, [], []]);
  hold.release();
  await Promise.all([sent, received]);
  expect([hold.most(), confirmed.length, readdirSync(out).length]).toEqual([64, 300, 300]);
});

test('transfers: a small file gets its name after its bytes are on the disk, and is reported after it has its name [XFER-3]', async () => {
  const calls: string[] = [];
  for (const name of ['write', 'fsync', 'close', 'link', 'unlink'] as const) {
    const real = fs[name] as (...given: unknown[]) => void;
    jest.spyOn(fs, name).mockImplementation((...given: unknown[]) => {
      // Only those of the receiver: the sender closes what it has read.
      if (name !== 'close' || calls.length > 0) calls.push(name);
      real(...given);
    });
  }
  const received = receiving(({ name }) => calls.push(existsSync(join(out, name)) ? 'reported' : 'reported too early'));
  const sources = await filesOf(2);
  await sendFiles(pair.near, [sources[1]!]);
  await received;
  expect(calls).toEqual(['write', 'fsync', 'close', 'link', 'unlink', 'reported']);
});

test.each(['open', 'write', 'futimes', 'fsync', 'close', 'link', 'unlink'] as const)(
  'transfers: a small file whose `%s` fails ends the transfer on both sides, and leaves no open file [XFER-4]',
  async (name) => {
    const sources = await filesOf(4);
    const failure = Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO', syscall: name });
    const real = fs[name] as (...given: unknown[]) => void;
    let isBroken = true;
    jest.spyOn(fs, name).mockImplementation((...given: unknown[]) => {
      const isOurs = name !== 'open' || (typeof given[0] === 'string' && given[0].startsWith(out));
      const isReceivers = name !== 'close' || isWritten(given[0] as number);
      if (!isBroken || !isOurs || !isReceivers) return real(...given);
      isBroken = false;
      const done = given.at(-1) as (error: Error) => void;
      if (name === 'close') real(given[0], () => done(failure));
      else setImmediate(done, failure);
    });
    const before = openFiles();
    const received = receiving();
    await expect(sendFiles(pair.near, sources)).rejects.toMatchObject({ code: 'io', side: 'remote' });
    expect(await received).toMatchObject({ code: 'io', side: 'local', message: expect.stringContaining('EIO') });
    expect(openFiles()).toEqual(before);
  },
);

/** Files of the receiver that this process has open, where the system says so. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(scratch) ? [path] : [];
    } catch {
      return [];
    }
  });
}
function isWritten(fd: number): boolean {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(out);
  } catch {
    return false;
  }
}

test('transfers: a file system without links takes small files all the same, and gives no name away [XFER-3]', async () => {
  const failure = Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' });
  jest.spyOn(fs, 'link').mockImplementation((_from, to, done) => {
    if (String(to).endsWith('f3')) writeFileSync(to, 'mine'); // Taken at the last moment.
    setImmediate(done, failure);
  });
  const received = receiving();
  await expect(sendFiles(pair.near, await filesOf(4))).rejects.toMatchObject({ code: 'exists' });
  expect(await received).toMatchObject({ code: 'exists', message: expect.stringContaining('f3') });
  expect([0, 1, 2].map((i) => readFileSync(join(out, `f${i}`)).equals(contentOf(i)))).toEqual([true, true, true]);
  expect(readFileSync(join(out, 'f3'), 'utf8')).toBe('mine');
});

test('transfers: a short write of a small file is continued [XFER-3]', async () => {
  const real = fs.write as (...given: unknown[]) => void;
  jest
    .spyOn(fs, 'write')
    .mockImplementation(((fd: number, bytes: Uint8Array, from: number, length: number, at: number, done: () => void) =>
      real(fd, bytes, from, Math.min(length, 7), at, done)) as never);
  const received = receiving();
  await sendFiles(pair.near, await filesOf(40));
  await received;
  for (let i = 0; i < 40; i++) expect(readFileSync(join(out, `f${i}`)).equals(contentOf(i))).toBe(true);
});

test('transfers: a thousand small files take a few messages, not three each [XFER-1]', async () => {
  /** Read at once, so that the number of messages does not depend on a disk. */
  const sources = Array.from({ length: 1000 }, (_, i): Source => ({
    about: { name: `f${i}`, size: contentOf(i).length },
    whole: (into) => (into.set(contentOf(i)), Promise.resolve(contentOf(i).length)),
    prefix: () => Promise.reject(new Error('not needed')),
    open: () => Promise.reject(new Error('not needed')),
    read: () => Promise.reject(new Error('not needed')),
    check: () => Promise.reject(new Error('not needed')),
    close: () => Promise.resolve(),
  }));
  const before = pair.nearConnection.stats()['accepted']!;
  const received = receiving();
  await sendFiles(pair.near, sources);
  await received;
  expect(pair.nearConnection.stats()['accepted']! - before).toBeLessThan(100);
  expect(readdirSync(out)).toHaveLength(1000);
});

test('transfers: files that are due in one turn are confirmed in one write, in their order [XFER-1]', async () => {
  const writes: Uint8Array[] = [];
  const records = { sayBytes: (bytes: Uint8Array) => (writes.push(bytes), Promise.resolve()) } as RecordStream;
  const confirmed: string[] = [];
  const confirmations = new Confirmations<FileReport>(records, 100, ({ name }) => confirmed.push(name));
  for (let i = 99; i >= 50; i--) confirmations.settle(i, reportOf(i)); // The later half has its names first.
  await nextTurn();
  expect([writes, confirmed]).toEqual([[], []]);
  for (let i = 49; i >= 0; i--) confirmations.settle(i, reportOf(i));
  await confirmations.settled;
  expect(writes).toHaveLength(1);
  const files = Array.from({ length: 100 }, (_, i) => decodeRecord(writes[0]!.subarray(i * 8, i * 8 + 8)));
  expect(files).toEqual(Array.from({ length: 100 }, (_, file) => ({ kind: 'done', file })));
  expect(confirmed).toEqual(Array.from({ length: 100 }, (_, i) => `f${i}`));
});

test('transfers: a file that got no name is not confirmed, nor is any after it; those before it are [XFER-4]', async () => {
  const writes: Uint8Array[] = [];
  const records = { sayBytes: (bytes: Uint8Array) => (writes.push(bytes), Promise.resolve()) } as RecordStream;
  const confirmations = new Confirmations<FileReport>(records, 4, () => {});
  confirmations.settle(3, reportOf(3));
  confirmations.settle(1, new Error('no name'));
  confirmations.settle(0, reportOf(0));
  confirmations.settle(2, reportOf(2));
  await expect(confirmations.settled).rejects.toThrow('no name');
  expect(writes.map((bytes) => decodeRecord(bytes))).toEqual([{ kind: 'done', file: 0 }]);
});

test('command line: lines about files of one turn are written at once, before every later line, and at the end of the process', async () => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const output = new Output(true);
  const log = new TransferLog(output, { on: () => () => {} } as never, new LinkWatch(), 'received');
  for (let i = 0; i < 50; i++) log.done(reportOf(i));
  expect(write).not.toHaveBeenCalled();
  await nextTurn();
  expect(write).toHaveBeenCalledTimes(1);
  expect(String(write.mock.calls[0]![0]).trimEnd().split('\n')).toHaveLength(50);
  log.done(reportOf(50));
  output.tell({ event: 'later' });
  log.done(reportOf(51));
  const atExit = process.listeners('exit').at(-1)!;
  atExit(0);
  await nextTurn();
  const later = write.mock.calls.slice(1).map(([text]) => (JSON.parse(String(text)) as { name?: string }).name ?? 'later');
  write.mockRestore();
  expect(later).toEqual(['f50', 'later', 'f51']);
});

test('transfers: what another attempt left under the temporary name does not get into a small file [XFER-2]', async () => {
  writeFileSync(join(out, `${stemOf('f2')}.part`), 'something that is longer than the file will be, and else'.repeat(9));
  const received = receiving();
  await sendFiles(pair.near, await filesOf(3));
  await received;
  expect(readFileSync(join(out, 'f2')).equals(contentOf(2))).toBe(true);
  expect(readdirSync(out)).toHaveLength(3);
});
