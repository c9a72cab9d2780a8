import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { Command } from './command.js';

const running: { kill(): Promise<void> }[] = [];
const track = <T extends { kill(): Promise<void> }>(it: T): T => {
  running.push(it);
  return it;
};
const command = (...args: string[]): Command => track(new Command(args));
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // One that nobody reads never hears that its peer has gone.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  track({
    kill: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
  return (server.address() as AddressInfo).port;
}

const portIn = (address: unknown): number => Number(/\d+$/.exec(String(address))![0]);

interface Tunnel {
  readonly far: Command;
  readonly near: Command;
  readonly cutter: FaultProxy;
  /** Where the connections come in. */
  readonly port: number;
}

/** `tunnel listen`, a proxy that cuts, `tunnel dial`. */
async function tunnelTo(target: number, ...options: string[]): Promise<Tunnel> {
  const far = command('tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', `127.0.0.1:${target}`);
  const cutter = new FaultProxy(portIn((await far.heard('listening'))['address']));
  track({ kill: () => cutter.close() });
  const near = command('tunnel', 'dial', `tcp://127.0.0.1:${await cutter.listen()}`, '--listen', '127.0.0.1:0', ...options);
  const port = portIn((await near.heard('listening'))['address']);
  await near.heard('connected');
  return { far, near, cutter, port };
}

test('[STR-1] command line/tunnel: curl downloads 200 MiB through a tunnel whose link is cut 20 times, and notices nothing', async () => {
  const SIZE = 200 << 20;
  const CUTS = 20;
  const block = randomBytes(1 << 20);
  const sent = createHash('sha256');
  for (let i = 0; i < SIZE / block.length; i++) sent.update(block);
  const target = await listening(
    createHttpServer((_, response) => {
      response.writeHead(200, { 'content-length': SIZE });
      let left = SIZE;
      const more = (): void => {
        while (left > 0) {
          left -= block.length;
          if (!response.write(block)) break;
        }
        if (left === 0) response.end();
        else response.once('drain', more);
      };
      more();
    }),
  );
  const { near, cutter, port } = await tunnelTo(target);

  const curl = spawn('curl', ['-sS', `http://127.0.0.1:${port}/`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  curl.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(curl, 'close');
  const got = createHash('sha256');
  let bytes = 0;
  let cuts = 0;
  for await (const chunk of curl.stdout) {
    got.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (cuts < CUTS && bytes >= ((cuts + 0.5) * SIZE) / CUTS && cutter.cut() > 0) {
      cuts++;
      await near.heard('resumed', cuts);
    }
  }
  expect({ ended: await ended, err, cuts, bytes }).toEqual({ ended: [0, null], err: '', cuts: CUTS, bytes: SIZE });
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  await near.heard('closed'); // The target has said its end too.
  expect(await near.interrupt()).toEqual({ code: 0, signal: null });
  expect(near.last).toMatchObject({ sessions: 1, connections: 1, failed: 0, resumes: CUTS });
  expect(near.last!['bytesOut']).toBeGreaterThan(SIZE);
}, 120_000);

test('[STR-3] command line/tunnel: a hundred connections at once, each half-closed by its client before the answer comes', async () => {
  const target = await listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      const heard: Buffer[] = [];
      socket.on('data', (chunk) => heard.push(chunk));
      socket.on('end', () => socket.end(createHash('sha256').update(Buffer.concat(heard)).digest('hex'))); // After the half-close.
    }),
  );
  const { cutter, port, near, far } = await tunnelTo(target);
  const asked = Array.from({ length: 100 }, (_, i) => randomBytes(20_000 + 1_000 * i));
  const answers = Promise.all(asked.map((bytes) => ask(port, bytes)));
  await near.heard('opened', 50);
  cutter.cut();
  expect(await answers).toEqual(asked.map((bytes) => createHash('sha256').update(bytes).digest('hex')));
  await near.heard('closed', 100);
  await far.heard('closed', 100);
  expect(await far.interrupt('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(far.last).toMatchObject({ sessions: 1, connections: 100, failed: 0 });
}, 60_000);

test('[STR-3] command line/tunnel: what a target says before it goes arrives whole at a client that takes its time', async () => {
  const bytes = randomBytes(24 << 20);
  const target = await listening(
    createServer({ allowHalfOpen: true }, (socket) => void socket.resume().on('end', () => socket.end(bytes))),
  );
  const { port } = await tunnelTo(target);
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.end();
  const got = createHash('sha256');
  client.on('data', (chunk) => {
    got.update(chunk);
    client.pause(); // Slower than whoever sends.
    setImmediate(() => setImmediate(() => client.resume()));
  });
  await once(client, 'end');
  expect(got.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
}, 30_000);

test('[STR-3] command line/tunnel: a dialer started before its listener waits, its first connection too, and both go through once there is one', async () => {
  const target = await listening(createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
  const reserved = createServer();
  const port = await listening(reserved);
  await new Promise<void>((resolve) => reserved.close(() => resolve())); // A port where nobody listens any more.
  const near = command('tunnel', 'dial', `tcp://127.0.0.1:${port}`, '--listen', '127.0.0.1:0');
  expect(await near.heard('waiting')).toMatchObject({ code: 'refused' });
  const asked = ask(portIn((await near.heard('listening'))['address']), Buffer.from('early'));
  await near.heard('opened');
  const far = command('tunnel', 'listen', `tcp://127.0.0.1:${port}`, '--to', `127.0.0.1:${target}`);
  await far.heard('listening');
  expect(await asked).toBe('early');
}, 30_000);

test('[STR-6] command line/tunnel: when the far end goes its connections are reset, and the next far end serves the next ones', async () => {
  const target = await listening(createServer((socket) => void socket.on('error', () => {}).write('hello')));
  const { far, near, cutter, port } = await tunnelTo(target);
  const client = connect(port, '127.0.0.1');
  await once(client, 'data');
  const failed = once(client, 'error');
  expect(await far.interrupt()).toEqual({ code: 0, signal: null });
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(await near.heard('ended')).toMatchObject({ code: 'peer-goodbye' });
  const next = command('tunnel', 'listen', `tcp://127.0.0.1:${cutter.targetPort}`, '--to', `127.0.0.1:${target}`);
  await near.heard('connected', 2);
  const again = connect(port, '127.0.0.1');
  expect(String((await once(again, 'data'))[0])).toBe('hello');
  again.destroy();
  await next.heard('closed');
}, 30_000);

test('[STR-3] the far end was killed: its connections are reset, and the near end waits for the next one', async () => {
  const target = await listening(createServer((socket) => void socket.on('error', () => {}).write('hello')));
  const { far, near, cutter, port } = await tunnelTo(target);
  const client = connect(port, '127.0.0.1');
  await once(client, 'data');
  const failed = once(client, 'error');
  await far.kill();
  command('tunnel', 'listen', `tcp://127.0.0.1:${cutter.targetPort}`, '--to', `127.0.0.1:${target}`);
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(await near.heard('ended')).toMatchObject({ code: 'peer-lost-session' });
  await near.heard('connected', 2);
}, 30_000);

test('[STR-6] command line/tunnel: a network that stays away longer than the window ends the session once, with its connections', async () => {
  const target = await listening(createServer((socket) => void socket.on('error', () => {}).write('hello')));
  const { near, cutter, port } = await tunnelTo(target, '--window', '400ms');
  const client = connect(port, '127.0.0.1');
  await once(client, 'data');
  const failed = once(client, 'error');
  await cutter.close();
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(await near.heard('ended')).toMatchObject({ code: 'window-expired' });
  expect(await near.heard('waiting')).toMatchObject({ code: 'refused' });
  expect(await near.interrupt()).toEqual({ code: 0, signal: null });
  expect(near.lines.filter((line) => line['event'] === 'ended')).toHaveLength(1);
}, 30_000);

test('[STR-3] command line/tunnel: a target that refuses resets the client, and both ends say why', async () => {
  const gone = createServer();
  const target = await listening(gone);
  await new Promise<void>((resolve) => gone.close(() => resolve()));
  const { far, near, port } = await tunnelTo(target);
  const client = connect(port, '127.0.0.1');
  expect((await once(client, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(await near.heard('closed')).toMatchObject({ code: 'refused', message: expect.stringContaining('refused') });
  expect(await far.heard('closed')).toMatchObject({ code: 'ECONNREFUSED' });
});

test('[STR-3] command line/tunnel: a reset of the client reaches the target as a reset, and the other way round', async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => void accepted.push(socket.on('error', () => {})));
  const target = await listening(server);
  const { port } = await tunnelTo(target);
  const first = connect(port, '127.0.0.1');
  await once(server, 'connection');
  const farFailed = once(accepted[0]!, 'error');
  first.on('error', () => {}).resetAndDestroy();
  expect((await farFailed)[0]).toMatchObject({ code: 'ECONNRESET' });
  const second = connect(port, '127.0.0.1');
  await once(server, 'connection');
  const nearFailed = once(second, 'error');
  accepted[1]!.resetAndDestroy();
  expect((await nearFailed)[0]).toMatchObject({ code: 'ECONNRESET' });
});

test.each([
  [['tunnel', 'dial', 'tcp://127.0.0.1:1'], "required option '--listen <host:port>'"],
  [['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', 'nowhere'], 'expected host:port'],
  [['tunnel', 'listen', 'tcp://0.0.0.0:0', '--to', '127.0.0.1:1'], 'other machines can reach'],
  [['tunnel', 'dial', 'http://x:1', '--listen', '127.0.0.1:0'], 'expected tcp://'],
  [['tunnel', 'listen', 'tls://127.0.0.1:0', '--to', '127.0.0.1:1'], 'needs --identity'],
  [['tunnel', 'fly'], "unknown command 'fly'"],
])('misuse exits 2 and names what was wrong: %j', async (args, message) => {
  const wrong = command(...args);
  expect(await wrong.ended).toMatchObject({ code: 2 });
  expect(wrong.err).toContain(message);
});

test('command line/tunnel: a port that is taken exits 1 and says so', async () => {
  const taken = await listening(createServer());
  const near = command('tunnel', 'dial', 'tcp://127.0.0.1:1', '--listen', `127.0.0.1:${taken}`);
  expect(await near.ended).toMatchObject({ code: 1 });
  expect(near.last).toMatchObject({ failed: 'failed', message: expect.stringContaining('EADDRINUSE') });
  const far = command('tunnel', 'listen', `tcp://127.0.0.1:${taken}`, '--to', '127.0.0.1:1');
  expect(await far.ended).toMatchObject({ code: 1 });
});

test('command line/tunnel: a peer that speaks something else ends the dialer, which says so', async () => {
  const target = await listening(createServer((socket) => void socket.on('error', () => {}).write('SSH-2.0-OpenSSH\r\n')));
  const near = command('tunnel', 'dial', `tcp://127.0.0.1:${target}`, '--listen', '127.0.0.1:0');
  expect(await near.ended).toMatchObject({ code: 1 });
  expect(near.last).toHaveProperty('failed');
}, 30_000);

test.each(['tls', 'ws', 'wss'])(
  '[STR-1] command line/tunnel: the same over %s, with identities where the transport proves them',
  async (scheme) => {
    const target = await listening(createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
    const scratch = mkdtempSync(join(tmpdir(), 'holdfast-tunnel-'));
    try {
      const made = await Promise.all(
        ['far', 'near'].map(async (name) => {
          const cert = command('cert', '--out', join(scratch, name));
          await cert.ended;
          return { dir: join(scratch, name), fingerprint: String(cert.last!['fingerprint']) };
        }),
      );
      const [farOwn, nearOwn] = made as [(typeof made)[0], (typeof made)[0]];
      const reach = (own: typeof farOwn, other: typeof farOwn): string[] =>
        scheme === 'ws' ? [] : ['--identity', own.dir, '--trust', other.fingerprint];
      const to = ['--to', `127.0.0.1:${target}`];
      const far = command('tunnel', 'listen', `${scheme}://127.0.0.1:0`, ...to, ...reach(farOwn, nearOwn));
      const address = String((await far.heard('listening'))['address']);
      const near = command('tunnel', 'dial', address, '--listen', '127.0.0.1:0', ...reach(nearOwn, farOwn));
      expect(await ask(portIn((await near.heard('listening'))['address']), Buffer.from(`over ${scheme}`))).toBe(`over ${scheme}`);
      expect(near.err + far.err).toBe('');
      if (scheme === 'ws') return;
      // Somebody else than the one that is trusted.
      const stranger = command('tunnel', 'dial', address, '--listen', '127.0.0.1:0', ...reach(farOwn, nearOwn));
      expect(await stranger.ended).toMatchObject({ code: 1 });
      expect(stranger.last).toMatchObject({ failed: 'identity-mismatch' });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
  30_000,
);

test('[STR-6] command line/tunnel: an interrupted end resets what is under way and is gone at once, the link being up', async () => {
  const target = await listening(
    createServer((socket) => {
      socket.on('error', () => {}).on('drain', () => socket.write(Buffer.alloc(1 << 20)));
      socket.write(Buffer.alloc(1 << 20));
    }),
  );
  for (const end of ['near', 'far'] as const) {
    const tunnel = await tunnelTo(target);
    const client = connect({ port: tunnel.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(
      client.on('data', () => {}),
      'data',
    );
    const failed = once(client, 'error');
    client.on('end', () => client.write('')); // A reset that finds unread bytes looks like an end until one writes.
    expect(await tunnel[end].interrupt('SIGTERM')).toEqual({ code: 0, signal: null });
    expect({ end, error: (await failed)[0] }).toMatchObject({ end, error: { code: 'ECONNRESET' } });
    expect(tunnel[end].err).toBe('');
    // The summary knows what became of it.
    expect(tunnel[end].lines.slice(-2)).toMatchObject([
      { event: 'closed', connection: 1 },
      { connections: 1, failed: 1 },
    ]);
  }
}, 30_000);

/** Sends, ends its direction, and gives back everything that comes. */
function ask(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('end', () => resolve(answer)).on('error', reject);
    socket.end(bytes);
  });
}
