import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { makeIdentity } from '../../adapters/identity/index.js';
import { Child, type ChildOptions, type Told } from './child.js';

const DEADLINE_MS = 1_000;
/** A machine with much to do may be late by so much; what a shutdown takes without a deadline is more, with a frozen peer. */
const LATE_MS = 2_000;
/** Nothing waits for it. */
const FAR_DEADLINE_MS = 60_000;
const SOON_MS = 10_000;
jest.setTimeout(30_000);

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
type Way = Required<Pick<ChildOptions, 'transport' | 'protocol'>>;
const WAYS: readonly Way[] = [
  { transport: 'tcp', protocol: 'resume' },
  { transport: 'tls', protocol: 'resume' },
  { transport: 'ws', protocol: 'resume' },
  { transport: 'wss', protocol: 'resume' },
  { transport: 'tcp', protocol: 'pool' },
  { transport: 'tcp', protocol: 'tuna' },
];

async function side(way: Way, who: 0 | 1, listen: readonly string[] = []): Promise<Child> {
  const isProven = way.transport === 'tls' || way.transport === 'wss';
  const proof = isProven ? { identity: await identities[who], trust: [(await identities[1 - who]!).fingerprint] } : undefined;
  const options = way.protocol === 'pool' ? { identity: 'stated', id: String(who).repeat(64) } : {};
  return born({ ...way, proof, listen, options });
}
const addressOf = ({ transport }: Way, port: number): string =>
  `${transport}://127.0.0.1:${port}${transport.startsWith('ws') ? '/x' : ''}`;
const listening = (way: Way): Promise<Child> => side(way, 1, [addressOf(way, 0)]);

/** Two processes with a session between them, in use. */
async function connected(way: Way): Promise<{ near: Child; far: Child; address: string }> {
  const far = await listening(way);
  const near = await side(way, 0);
  const address = (await far.heard('started')).address!;
  await near.heard('started');
  near.tell('connect', { address });
  await Promise.all([near.heard('connected'), far.heard('connected')]);
  near.tell('talk');
  await far.heard('got', 20);
  return { near, far, address };
}

/** Shuts the engine down, and sees the process end by itself, with nothing left that it had not at its start. */
async function ended(child: Child, deadlineMs = DEADLINE_MS): Promise<Told> {
  child.tell('shutdown', { deadlineMs });
  const over = await child.heard('over');
  expect(over.left).toEqual(over.before);
  expect(await child.exited).toBe(0); // 3: it was still alive after a second.
  expect(over.tookMs).toBeLessThan(deadlineMs + LATE_MS);
  return over;
}

describe.each(WAYS)('$protocol over $transport: a process ends by itself after shutdown', (way) => {
  test('with a listener that has no connection', async () => {
    const child = await listening(way);
    await child.heard('started');
    await ended(child);
  });

  test('with a session in use, on either side', async () => {
    const { near, far } = await connected(way);
    expect((await ended(near, FAR_DEADLINE_MS)).tookMs).toBeLessThan(SOON_MS);
    expect((await far.heard('closing')).code).toBe('peer-goodbye');
    await ended(far);
  });

  test('with a peer that is frozen, by the deadline', async () => {
    const { near, far } = await connected(way);
    far.freeze();
    await ended(near);
  });

  test('with a peer that has died, while it is looked for', async () => {
    const { near, far } = await connected(way);
    await far.kill();
    await near.heard(way.protocol === 'pool' ? 'disconnected' : 'lost');
    await ended(near);
  });

  test('with an attempt that is not answered', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    running.push({ kill: () => [mute.close(), ...sockets.map((socket) => socket.destroy())] });
    await once(mute, 'listening');
    const child = await side(way, 0);
    await child.heard('started');
    child.tell('connect', { address: addressOf(way, (mute.address() as AddressInfo).port) });
    await once(mute, 'connection');
    await ended(child);
  });

  test('between two attempts', async () => {
    const far = await listening(way);
    const { address } = await far.heard('started');
    await far.kill();
    const child = await side(way, 0);
    await child.heard('started');
    child.tell('connect', { address, retry: true });
    await child.heard('error');
    await ended(child);
  });
});

test('processes/ending: a farewell without an answer does not outlast the shutdown, however late its deadline', async () => {
  const { near, far } = await connected({ transport: 'tcp', protocol: 'pool' });
  far.freeze();
  expect((await ended(near, FAR_DEADLINE_MS)).tookMs).toBeLessThan(SOON_MS);
});
