import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryTrust, ShipTrustFile } from '../../adapters/ship/index.js';
import { HubStage } from './hub-stage.js';
import { endsAfterEach } from './nodes.js';

const ends = endsAfterEach();
const ski = '1'.repeat(40);
let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-keeping-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('SHIP/keeping: pairings that can’t be kept are an error at the start', () => {
  test('trust file: a directory that isn’t there', async () => {
    await expect(ShipTrustFile.open('/nosuch/dir/p.json')).rejects.toMatchObject({ code: 'bad-option' });
    await expect(ShipTrustFile.open('/nosuch/dir/p.json')).rejects.toThrow('there is no directory /nosuch/dir; make it first');
  });
  test('trust file: a file where a directory should be', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(ShipTrustFile.open(join(folder, 'file', 'p.json'))).rejects.toThrow("can't keep trusted peers in");
  });
  test('trust file: one that can’t be understood gives its lock up', async () => {
    const path = join(folder, 'p.json');
    writeFileSync(path, '{');
    await expect(ShipTrustFile.open(path)).rejects.toThrow("can't understand");
    expect(readdirSync(folder)).toEqual(['p.json']);
  });
});

/** Settles when it is so, however many turns of the event loop that takes. */
async function utimesDone(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe('trust file: one process at a time', () => {
  const lock = (): string => join(folder, 'p.json.lock');
  const path = (): string => join(folder, 'p.json');

  /** Another process, alive, whose number a lock names. */
  const other = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("here")'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    ends.push(() => child.kill('SIGKILL'));
    await once(child.stdout!, 'data');
    return child;
  };
  const holds = (holder: object): void => writeFileSync(lock(), JSON.stringify({ host: hostname(), ...holder }));

  test('a lock of a process that lives is an error that names it; once it has ended the lock is taken over', async () => {
    const child = await other();
    holds({ pid: child.pid });
    await expect(ShipTrustFile.open(path())).rejects.toThrow(`is in use by process ${child.pid} on ${hostname()}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const trust = await ShipTrustFile.open(path());
    expect(JSON.parse(readFileSync(lock(), 'utf8'))).toMatchObject({ pid: process.pid });
    await trust.close();
    expect(existsSync(lock())).toBe(false);
  });

  test('a crashed process whose number another one has by now, or we have ourselves, holds nothing', async () => {
    const child = await other();
    if (existsSync('/proc/self/stat')) {
      holds({ pid: child.pid, born: 'another boot 1' });
      await (await ShipTrustFile.open(path())).close();
    }
    holds({ pid: process.pid });
    await (await ShipTrustFile.open(path())).close();
  });

  test('a lock of another host (a container) counts as long as it is touched', async () => {
    holds({ host: 'another', pid: 1 });
    await expect(ShipTrustFile.open(path())).rejects.toThrow('is in use by process 1 on another');
    const before = new Date(Date.now() - 31_000);
    utimesSync(lock(), before, before);
    await (await ShipTrustFile.open(path())).close();
  });

  test.each(['', '{', '{"pid":"x"}'])('a lock that can’t be read (%j) is free after a moment', async (text) => {
    writeFileSync(lock(), text);
    await expect(ShipTrustFile.open(path())).rejects.toThrow('in use by another process');
    const before = new Date(Date.now() - 3000);
    utimesSync(lock(), before, before);
    await (await ShipTrustFile.open(path())).close();
  });

  test('a lock is touched every 10 s as long as it is held, so that other hosts see that it is', async () => {
    const every = jest.spyOn(global, 'setInterval');
    const trust = await ShipTrustFile.open(path());
    const [touch, ms] = every.mock.calls.at(-1)!;
    every.mockRestore();
    expect(ms).toBe(10_000);
    const long = new Date(Date.now() - 60_000);
    utimesSync(lock(), long, long);
    const touched = utimesDone(() => statSync(lock()).mtimeMs > Date.now() - 30_000);
    touch();
    await touched;
    await trust.close();
  });

  test('an orderly exit takes the lock away', async () => {
    const trust = await ShipTrustFile.open(path());
    const tidy = process.listeners('exit').find(({ name }) => name === 'tidy');
    tidy!(0);
    expect(existsSync(lock())).toBe(false);
    await trust.close();
  });

  test('within a process it may be opened twice; the lock goes with the last', async () => {
    const [a, b] = [await ShipTrustFile.open(path()), await ShipTrustFile.open(path())];
    await a.close();
    await a.close();
    expect(existsSync(lock())).toBe(true);
    await b.close();
    expect(existsSync(lock())).toBe(false);
  });
});

test('trust file: every failed write is reported, and a node that ends gives the file up', async () => {
  const trust = await ShipTrustFile.open(join(folder, 'p.json'));
  const told: string[] = [];
  const s = await HubStage.of([], { trust }, { trustWriteFailed: ({ message }) => told.push(message) });
  rmSync(folder, { recursive: true });
  s.hub.registerRemoteService(ski);
  await trust.written();
  s.hub.unregisterRemoteService(ski);
  await trust.written();
  expect(told).toEqual([expect.stringContaining('ENOENT'), expect.stringContaining('ENOENT')]);
});

test('trust file: a node that ends gives it up, also where the application does not', async () => {
  const trust = await ShipTrustFile.open(join(folder, 'p.json'));
  const s = await HubStage.of([], { trust });
  expect(readdirSync(folder)).toContain('p.json.lock');
  const over = s.hub.shutdown();
  for (let i = 0; i < 5; i++) await Promise.resolve();
  s.clock.advance(15_000);
  await over;
  expect(readdirSync(folder)).toEqual([]);
});

test('memory trust: takes SKIs in any spelling, and no others', async () => {
  const spelt = 'AB:cd '.repeat(10).trim();
  const plain = 'abcd'.repeat(10);
  const trust = memoryTrust([{ ski: spelt, shipId: 'x' }]);
  expect([trust.has(plain), trust.has(spelt), trust.get('ABCD-'.repeat(10))]).toEqual([true, true, { ski: plain, shipId: 'x' }]);
  trust.set({ ski: spelt.toLowerCase() });
  expect([...trust.values()]).toEqual([{ ski: plain }]);
  trust.remove(spelt);
  expect([...trust.values(), trust.has('12'), trust.has('')]).toEqual([false, false]);
  expect(() => memoryTrust([{ ski: '12' }])).toThrow('expected 40 hex digits, got 2');
  const s = await HubStage.of([spelt]);
  s.announce(plain);
  s.nextDial(3000);
  await s.end();
});
