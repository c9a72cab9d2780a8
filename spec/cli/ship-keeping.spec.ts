import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { Command } from './command.js';

const DIST = join(__dirname, '../../dist');
let folder: string;
const running: Command[] = [];
const command = (...args: string[]): Command => {
  const started = new Command(args);
  running.push(started);
  return started;
};
const serving = (...more: string[]): Command =>
  command('ship', 'serve', '--identity', join(folder, 'a'), '--listen', 'wss://127.0.0.1:0/ship/', ...more);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-ship-keeping-'));
  await saveIdentity(join(folder, 'a'), await makeIdentity());
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a program of a few lines to its end. */
async function run(code: string, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<string> {
  const how = args.length > 0 ? args : ['--input-type=module', '-e', code];
  const child = spawn(process.execPath, how, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child, 'close');
  return said;
}

describe('command line/ship keeping: pairings that can’t be kept are an error at the start', () => {
  test.each(['serve', 'dial'])('SHIP CLI: %s with a trust file in a directory that isn’t there', async (name) => {
    const more = name === 'serve' ? [] : ['wss://127.0.0.1:1/ship/', '--ski', 'a'.repeat(40)];
    const wrong = command(
      'ship',
      name,
      '--no-mdns',
      '--identity',
      join(folder, 'a'),
      '--trust-file',
      '/nosuch/dir/p.json',
      ...more,
    );
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.err).toContain(
      "can't keep trusted peers in /nosuch/dir/p.json: there is no directory /nosuch/dir; make it first",
    );
    expect(wrong.last).toMatchObject({ failed: 'bad-option' });
  });

  test('SHIP CLI: of two processes on one trust file the second says who has it; after the first was killed it may begin', async () => {
    const path = join(folder, 'shared.json');
    const first = serving('--no-mdns', '--trust-file', path);
    await first.heard('listening');
    const second = serving('--no-mdns', '--trust-file', path);
    expect((await second.ended).code).toBe(2);
    expect(second.err).toContain(`${path} is in use by process ${first.child.pid}`);
    await first.kill();
    expect(existsSync(`${path}.lock`)).toBe(true); // What is killed can't tidy up.
    const third = serving('--no-mdns', '--trust-file', path);
    await third.heard('listening');
    await third.interrupt();
    expect(existsSync(`${path}.lock`)).toBe(false);
  }, 30_000);
});

describe('trust file: a program that ends without close() leaves no lock behind', () => {
  const opened = (path: string, then: string): string => `
    import { ShipTrustFile } from ${JSON.stringify(pathToFileURL(join(DIST, 'adapters/ship/index.js')).href)};
    const trust = await ShipTrustFile.open(${JSON.stringify(path)});
    console.log('open', [...trust.values()].length);
    ${then}`;

  test.each([
    ['it has nothing more to do', '', 'tidied'],
    ['process.exit', 'process.exit(0)', 'tidied'],
    ['an error that nobody catches', 'throw new Error("a fault")', 'tidied'],
    ['a promise that is rejected', 'await Promise.reject(new Error("a fault"))', 'tidied'],
    ['SIGTERM', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)', 'left'],
    ['SIGKILL', 'process.kill(process.pid, "SIGKILL")', 'left'],
  ])('%s', async (_, then, lock) => {
    const path = join(folder, `${Math.abs(then.length)}.json`);
    expect(await run(opened(path, then))).toContain('open 0');
    expect(existsSync(`${path}.lock`)).toBe(lock === 'left');
    expect(await run(opened(path, 'await trust.close()'))).toContain('open 0');
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test('what it had set by then is kept, where it ends of itself', async () => {
    const path = join(folder, 'set.json');
    await run(opened(path, `trust.set({ ski: ${JSON.stringify('a'.repeat(40))} });`));
    expect(await run(opened(path, ''))).toContain('open 1');
  });
});

describe('command line/ship keeping: where a node listens, and is announced', () => {
  test('SHIP CLI: --interfaces that names none of this host’s says so, and serves on', async () => {
    const serve = serving('--interfaces', 'nosuch0');
    await serve.heard('listening');
    while (!serve.err.includes('nosuch0')) await once(serve.child.stderr!, 'data');
    expect(serve.err).toContain('none of the interfaces nosuch0 has an IPv4 address');
    expect((await serve.interrupt()).code).toBe(0);
  }, 20_000);

  /** The addresses of this host, as far as their family is this one. */
  const onlyFamily = async (family: string): Promise<string> => {
    const preload = join(folder, `${family}.cjs`);
    await writeFile(
      preload,
      `const os = require('node:os');
       const all = os.networkInterfaces();
       const kept = Object.entries(all).map(([name, each]) => [name, each.filter(({ family }) => family === '${family}')]);
       os.networkInterfaces = () => Object.fromEntries(kept);
       require('node:module').syncBuiltinESMExports();`,
    );
    return `--require=${preload}`;
  };
  const help = (options: string): Promise<string> =>
    run('', { NODE_OPTIONS: options }, [join(DIST, 'adapters/cli/main.js'), 'ship', 'serve', '--help']);

  test('SHIP CLI: by default at [::], and at 0.0.0.0 on a host without IPv6', async () => {
    expect(await help(await onlyFamily('IPv4'))).toContain('wss://0.0.0.0:4711/ship/');
    expect(await help(await onlyFamily('IPv6'))).not.toContain('wss://0.0.0.0:4711/ship/');
  });

  const hasIpv6 = existsSync('/proc/net/if_inet6');
  (hasIpv6 ? test : test.skip)(
    'SHIP CLI: at [::] it is reached over IPv4 as well',
    async () => {
      const serve = command('ship', 'serve', '--no-mdns', '--identity', join(folder, 'a'), '--listen', 'wss://[::]:0/ship/');
      const { address } = await serve.heard('listening');
      const port = Number(new URL(String(address).replace('wss', 'https')).port);
      for (const host of ['127.0.0.1', '::1']) {
        const socket = connect(port, host);
        await once(socket, 'connect');
        socket.destroy();
      }
    },
    20_000,
  );
});
