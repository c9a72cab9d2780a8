import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { Command } from './command.js';
import { Gate } from './gate.js';

const MIB = 1 << 20;
let scratch: string;
let out: string;
const running: { kill(): Promise<void> }[] = [];
const track = <T extends { kill(): Promise<void> }>(it: T): T => {
  running.push(it);
  return it;
};
const command = (...args: string[]): Command => track(new Command(args, scratch));

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-transfer-'));
  out = join(scratch, 'out');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
  rmSync(scratch, { recursive: true, force: true });
});

const portIn = (address: unknown): number => Number(/\d+$/.exec(String(address))![0]);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const digestOf = (path: string): string => sha256(readFileSync(path));

/** A file of chance to send. */
function file(name: string, bytes: number): { path: string; digest: string } {
  const content = randomBytes(bytes);
  const path = join(scratch, name);
  writeFileSync(path, content);
  return { path, digest: sha256(content) };
}
async function receiver(port = 0, ...options: string[]): Promise<{ far: Command; port: number }> {
  const far = command('receive', '--listen', `tcp://127.0.0.1:${port}`, '--dir', out, ...options);
  return { far, port: portIn((await far.heard('listening'))['address']) };
}
const sender = (port: number, ...files: string[]): Command => command('send', ...files, '--to', `tcp://127.0.0.1:${port}`);

/** Resolves when the draft in the directory is known to have so many bytes. */
async function drafted(bytes: number): Promise<void> {
  const far = (): boolean => {
    try {
      const state = readdirSync(out).find((name) => name.endsWith('.json'));
      return state !== undefined && (JSON.parse(readFileSync(join(out, state), 'utf8')) as { offset: number }).offset >= bytes;
    } catch {
      return false; // Replaced while it was read.
    }
  };
  await new Promise<void>((resolve) => {
    const watcher = watch(out, look);
    function look(): void {
      if (!far()) return;
      watcher.close();
      resolve();
    }
    look();
  });
}

test('[XFER-1] command line/transfer: several files, an empty one and standard input arrive as they are, with mode and time, and nothing else is left', async () => {
  const { far, port } = await receiver();
  const a = file('a.bin', 3 * MIB + 17);
  const empty = file('empty', 0);
  utimesSync(a.path, 1_000_000, 1_234_567);
  const near = command('send', a.path, empty.path, '-', '--name', 'piped', '--to', `tcp://127.0.0.1:${port}`);
  near.child.stdin!.end('from a pipe');
  expect({ near: await near.ended, far: await far.ended, err: near.err + far.err }).toEqual({
    near: { code: 0, signal: null },
    far: { code: 0, signal: null },
    err: '',
  });
  expect(readdirSync(out).sort()).toEqual(['a.bin', 'empty', 'piped']);
  expect([digestOf(join(out, 'a.bin')), readFileSync(join(out, 'piped'), 'utf8')]).toEqual([a.digest, 'from a pipe']);
  expect(Math.round(statSync(join(out, 'a.bin')).mtimeMs / 1000)).toBe(1_234_567);
  expect(near.last).toMatchObject({ bytes: 3 * MIB + 17 + 11, bytesKept: 0, resumes: 0, restarts: 0 });
  expect(near.last!['files']).toEqual(far.last!['files']);
}, 30_000);

test('[XFER-4] command line/transfer: progress per file and in all, and at the end digest, bytes, seconds and resumes, however often the link is cut', async () => {
  const { far, port } = await receiver();
  const cutter = new FaultProxy(port);
  track({ kill: () => cutter.close() });
  const { path, digest } = file('big', 96 * MIB);
  const near = sender(await cutter.listen(), path);
  await near.heard('progress');
  for (let cut = 1; cut <= 5 && cutter.cut() > 0; cut++) await near.heard('resumed', cut);
  expect(await near.ended).toEqual({ code: 0, signal: null });
  expect(near.last).toMatchObject({ bytes: 96 * MIB, sha256: digest, restarts: 0, seconds: expect.any(Number) });
  expect(near.last!['resumes']).toBeGreaterThan(0);
  expect(near.lines.find((line) => line['event'] === 'progress')).toMatchObject({
    file: 'big',
    size: 96 * MIB,
    bytes: expect.any(Number),
    bytesInAll: expect.any(Number),
    sizeInAll: 96 * MIB,
  });
  expect(await far.ended).toEqual({ code: 0, signal: null });
  expect(digestOf(join(out, 'big'))).toBe(digest);
}, 60_000);

test('[XFER-2] the sender is killed and started again: it goes on where the receiver is', async () => {
  const { far, port } = await receiver();
  const gate = track(new Gate(port, 20 * MIB));
  const through = await gate.listen();
  const { path, digest } = file('big', 48 * MIB);
  const first = sender(through, path);
  await gate.held;
  await drafted(16 * MIB);
  await first.kill();
  expect(existsSync(join(out, 'big'))).toBe(false); // Nothing half-named.
  gate.open();
  const second = sender(through, path);
  expect(await second.ended).toEqual({ code: 0, signal: null });
  expect(await far.ended).toEqual({ code: 0, signal: null });
  expect(second.last).toMatchObject({ bytes: 48 * MIB, sha256: digest });
  expect(second.last!['bytesKept']).toBeGreaterThanOrEqual(16 * MIB);
  expect(readdirSync(out)).toEqual(['big']);
  expect(digestOf(join(out, 'big'))).toBe(digest);
}, 60_000);

test('[XFER-2] the receiver is killed and started again: the sender, still running, goes on where it was', async () => {
  const { far, port } = await receiver();
  const gate = track(new Gate(port, 20 * MIB));
  const { path, digest } = file('big', 48 * MIB);
  const near = sender(await gate.listen(), path);
  await gate.held;
  await drafted(16 * MIB);
  await far.kill();
  gate.open();
  const { far: next } = await receiver(port);
  expect(await near.ended).toEqual({ code: 0, signal: null });
  expect(await next.ended).toEqual({ code: 0, signal: null });
  expect(near.last).toMatchObject({ bytes: 48 * MIB, sha256: digest, restarts: 1 });
  expect(near.last!['bytesKept']).toBeGreaterThanOrEqual(16 * MIB);
  expect(readdirSync(out)).toEqual(['big']);
  expect(digestOf(join(out, 'big'))).toBe(digest);
}, 60_000);

test('[XFER-2] what lies on the disk is not believed: a draft that was damaged, and a source with another beginning, start anew', async () => {
  for (const damage of ['draft', 'state', 'source'] as const) {
    const { far, port } = await receiver();
    const gate = track(new Gate(port, 10 * MIB));
    const { path } = file('big', 24 * MIB);
    const near = sender(await gate.listen(), path);
    await gate.held;
    await drafted(8 * MIB);
    await near.kill();
    await far.kill();
    const [state, part] = ['.json', '.part'].map((end) =>
      join(
        out,
        readdirSync(out).find((name) => name.endsWith(end))!,
      ),
    );
    const damaged = { draft: part!, state: state!, source: path }[damage];
    const bytes = readFileSync(damaged);
    bytes[100] = bytes[100]! ^ 1;
    writeFileSync(damaged, bytes);
    const { far: next, port: nextPort } = await receiver();
    const again = sender(nextPort, path);
    expect({ damage, ended: await again.ended, last: again.last }).toMatchObject({
      damage,
      ended: { code: 0 },
      last: { bytes: 24 * MIB, bytesKept: 0 },
    });
    await next.ended;
    expect({ damage, digest: digestOf(join(out, 'big')), left: readdirSync(out) }).toEqual({
      damage,
      digest: digestOf(path),
      left: ['big'],
    });
    rmSync(out, { recursive: true });
  }
}, 60_000);

test('[XFER-2] command line/transfer: what had arrived whole before the sender was killed is recognised, and not sent again', async () => {
  const { path, digest } = file('a', 2 * MIB);
  for (const kept of [0, 2 * MIB]) {
    const { far, port } = await receiver();
    const near = sender(port, path);
    expect(await near.ended).toEqual({ code: 0, signal: null });
    expect(near.last).toMatchObject({ bytesKept: kept, sha256: digest });
    await far.ended;
  }
}, 30_000);

test('[XFER-3] command line/transfer: what is there already is replaced with --force alone, and a link is not followed', async () => {
  mkdirSync(out);
  const { path, digest } = file('a', 1000);
  const precious = join(scratch, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, join(out, 'a'));
  const { far, port } = await receiver();
  const refused = sender(port, path);
  expect([await refused.ended, await far.ended]).toMatchObject([{ code: 1 }, { code: 1 }]);
  expect(refused.last).toMatchObject({ failed: 'exists', message: 'a is there already' });
  expect(far.last).toMatchObject({ message: 'a is there already', advice: expect.stringContaining('--force') });
  expect(far.err.match(/is there already/g)).toHaveLength(1);
  const { far: forced, port: next } = await receiver(0, '--force');
  const sent = sender(next, path);
  expect([await sent.ended, await forced.ended]).toMatchObject([{ code: 0 }, { code: 0 }]);
  expect([digestOf(join(out, 'a')), readFileSync(precious, 'utf8')]).toEqual([digest, 'precious']);
  expect(readdirSync(out)).toEqual(['a']);
}, 30_000);

test('[XFER-4] command line/transfer: a refusal ends a sender whose standard input says nothing', async () => {
  mkdirSync(out);
  writeFileSync(join(out, 'stdin'), 'mine');
  const { far, port } = await receiver();
  const near = sender(port, '-');
  expect([await near.ended, await far.ended]).toMatchObject([{ code: 1 }, { code: 1 }]);
  expect(near.last).toMatchObject({ failed: 'exists' });
  const { far: next, port: nextPort } = await receiver(0, '--force');
  const waiting = sender(nextPort, '-');
  waiting.child.stdin!.write('a beginning');
  await next.heard('progress');
  await next.kill();
  await receiver(nextPort, '--force');
  expect(await waiting.ended).toMatchObject({ code: 1 });
  expect(waiting.last).toMatchObject({ failed: 'source-changed', message: expect.stringContaining("can't be read again") });
}, 30_000);

test('command line/transfer: an interrupted receiver ends with 1 and leaves nothing half-named; the next one goes on', async () => {
  const { far, port } = await receiver();
  const gate = track(new Gate(port, 10 * MIB));
  const { path, digest } = file('big', 24 * MIB);
  const near = sender(await gate.listen(), path);
  await gate.held;
  expect(await far.interrupt('SIGTERM')).toEqual({ code: 1, signal: null });
  expect(existsSync(join(out, 'big'))).toBe(false);
  gate.open();
  const { far: next } = await receiver(port);
  expect(await near.ended).toEqual({ code: 0, signal: null });
  await next.ended;
  expect(digestOf(join(out, 'big'))).toBe(digest);
}, 30_000);

test('command line/transfer: an interrupted sender ends with 1 and says nothing of it on standard error', async () => {
  const { port } = await receiver();
  const gate = track(new Gate(port, 1 * MIB));
  const near = sender(await gate.listen(), file('big', 24 * MIB).path);
  await gate.held;
  expect(await near.interrupt()).toEqual({ code: 1, signal: null });
  expect(near.err).toBe('');
  expect(near.lines.filter((line) => line['event'] === 'broken')).toEqual([]); // Nothing goes on by itself from here.
}, 30_000);

test('command line/transfer: no answer within the window is a failure that says what to do', async () => {
  const near = command('send', file('a', 1).path, '--to', 'tcp://127.0.0.1:1', '--window', '300ms');
  expect(await near.ended).toEqual({ code: 1, signal: null });
  expect(near.last).toMatchObject({ failed: 'failed', advice: expect.stringContaining('holdfast receive') });
});

test('command line/transfer: --keep goes on receiving until it is interrupted', async () => {
  const { far, port } = await receiver(0, '--keep');
  for (const name of ['a', 'b']) expect(await sender(port, file(name, 10).path).ended).toMatchObject({ code: 0 });
  await far.heard('file', 2);
  expect(await far.interrupt()).toEqual({ code: 0, signal: null });
  expect(readdirSync(out).sort()).toEqual(['a', 'b']);
}, 30_000);

test.each([
  [['send', 'nowhere', '--to', 'tcp://127.0.0.1:1'], 'ENOENT'],
  [['send', '.', '--to', 'tcp://127.0.0.1:1'], 'is not a file'],
  [['send', 'x'], "required option '--to <addr>'"],
  [['send', '--to', 'tcp://127.0.0.1:1'], "missing required argument 'file'"],
  [['receive', '--listen', 'tcp://0.0.0.0:0', '--dir', 'd'], 'other machines can reach tcp://0.0.0.0:0'],
  [['receive', '--listen', 'tcp://127.0.0.1:0'], "required option '--dir <dir>'"],
])('misuse exits 2 and names what was wrong: %j', async (args, message) => {
  const wrong = command(...args);
  expect(await wrong.ended).toMatchObject({ code: 2 });
  expect(wrong.err).toContain(message);
});

test('[XFER-4] send: all is confirmed and the link goes as the receiver ends: the end is bounded by the grace, not by --window', async () => {
  const { far, port } = await receiver();
  const cutter = new FaultProxy(port);
  track({ kill: () => cutter.close() });
  const { path } = file('a.bin', 1 << 16);
  const near = command('send', path, '--to', `tcp://127.0.0.1:${await cutter.listen()}`, '--window', '10m');
  near.child.stdin!.end();
  await near.heard('file');
  await cutter.close(); // The receiver's confirmation was the last that came through.
  const began = performance.now();
  expect({ near: await near.ended, err: near.err }).toEqual({ near: { code: 0, signal: null }, err: '' });
  expect(near.last).toMatchObject({ bytes: 1 << 16 });
  expect(performance.now() - began).toBeLessThan(60_000); // It was ten minutes.
  await far.kill();
}, 90_000);
