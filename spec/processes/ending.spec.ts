import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { makeIdentity } from '../../adapters/identity/index.js';
import { Child, type ChildOptions, type Told } from './child.js';

const DEADLINE_MS = 1_000;
/** Ends by then, and not much earlier or later: a peer that answers takes no time, a frozen one all there is. */
const LATE_MS = 500;

const running: { kill(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
const born = (options: ChildOptions): Child => {
  const child = new Child(options);
  running.push(child);
  return child;
};

const identities = [makeIdentity(), makeIdentity()] as const;
const TRANSPORTS = ['tcp', 'tls', 'ws', 'wss'] as const;
type Transport = (typeof TRANSPORTS)[number];

async function side(transport: Transport, who: 0 | 1, rest: Partial<ChildOptions> = {}): Promise<Child> {
  const isProven = transport === 'tls' || transport === 'wss';
  const proof = isProven ? { identity: await identities[who], trust: [(await identities[1 - who]!).fingerprint] } : undefined;
  return born({ transport, proof, ...rest });
}
const listening = (transport: Transport): Promise<Child> =>
  side(transport, 1, { listen: [`${transport}://127.0.0.1:0${transport.startsWith('ws') ? '/x' : ''}`] });

/** Two processes with a session between them, in use. */
async function connected(transport: Transport): Promise<{ near: Child; far: Child; address: string }> {
  const far = await listening(transport);
  const near = await side(transport, 0);
  const address = (await far.heard('started')).address!;
  await near.heard('started');
  near.tell('connect', { address });
  await Promise.all([near.heard('connected'), far.heard('connected')]);
  near.tell('talk');
  await far.heard('got', 20);
  return { near, far, address };
}

/** Shuts the engine down, and sees the process end by itself, with nothing left that it had not at its start. */
async function ended(child: Child): Promise<Told> {
  child.tell('shutdown', { deadlineMs: DEADLINE_MS });
  const over = await child.heard('over');
  expect(over.left).toEqual(over.before);
  expect(await child.exited).toBe(0); // 3: it was still alive after a second.
  expect(over.tookMs).toBeLessThan(DEADLINE_MS + LATE_MS);
  return over;
}

describe.each(TRANSPORTS)('over %s a process ends by itself after shutdown', (transport) => {
  test('with a listener that nobody has come to', async () => {
    const child = await listening(transport);
    await child.heard('started');
    await ended(child);
  });

  test('with a session in use, on either side', async () => {
    const { near, far } = await connected(transport);
    expect((await ended(near)).tookMs).toBeLessThan(DEADLINE_MS);
    expect((await far.heard('closing')).code).toBe('peer-goodbye');
    await ended(far);
  });

  test('with a peer that is frozen, by the deadline', async () => {
    const { near, far } = await connected(transport);
    far.freeze();
    await ended(near);
  });

  test('with a peer that has died, while it is looked for', async () => {
    const { near, far } = await connected(transport);
    await far.kill();
    await near.heard('lost');
    await ended(near);
  });

  test('with an attempt that nobody answers', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    running.push({ kill: () => [mute.close(), ...sockets.map((socket) => socket.destroy())] });
    await once(mute, 'listening');
    const child = await side(transport, 0);
    await child.heard('started');
    child.tell('connect', {
      address: `${transport}://127.0.0.1:${(mute.address() as AddressInfo).port}${transport.startsWith('ws') ? '/x' : ''}`,
    });
    await once(mute, 'connection');
    await ended(child);
  });

  test('between two attempts', async () => {
    const far = await listening(transport);
    const { address } = await far.heard('started');
    await far.kill();
    const child = await side(transport, 0);
    await child.heard('started');
    child.tell('connect', { address, retry: true });
    await child.heard('error');
    await ended(child);
  });
});
