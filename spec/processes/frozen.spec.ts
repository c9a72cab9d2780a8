import { Child } from './child.js';

const children: Child[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
});

/** Short, so that what is frozen is found dead soon; with the defaults it takes half a minute. */
const SIGNS_OF_LIFE = { idleMs: 300, probeTimeoutMs: 300 };
/** How long a process stands still. As in the life of a laptop with `FROZEN_MS=30000`; otherwise as short as it takes to be noticed. */
const FROZEN_MS = Number(process.env['FROZEN_MS'] ?? 0);
const LIVE_AGAIN_MS = 3_000;

/** Two processes that talk to each other all the time. */
async function talking(windowMs: number): Promise<{ near: Child; far: Child }> {
  const options = { ...SIGNS_OF_LIFE, reconnectWindowMs: windowMs };
  const far = new Child({ transport: 'tcp', listen: ['tcp://127.0.0.1:0'], options });
  const near = new Child({ transport: 'tcp', options });
  children.push(far, near);
  const { address } = await far.heard('started');
  await near.heard('started');
  near.tell('connect', { address });
  await Promise.all([near.heard('connected'), far.heard('connected')]);
  for (const each of [near, far]) each.tell('talk');
  await Promise.all([near.heard('got', 20), far.heard('got', 20)]);
  return { near, far };
}

/** Stands still until the other one has noticed, and the rest of the time that was asked for. */
async function frozenUntil(one: Child, noticed: Promise<unknown>): Promise<void> {
  const lived = FROZEN_MS === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
  one.freeze();
  await noticed;
  await lived;
  one.thaw();
}

describe.each(['near', 'far'] as const)('a process that stands still for a while: the %s one', (who) => {
  test('within the window: live again within three seconds, nothing lost, doubled or out of order', async () => {
    const pair = await talking(60_000);
    const frozen = pair[who];
    const awake = pair[who === 'near' ? 'far' : 'near'];
    await frozenUntil(frozen, awake.heard('lost'));
    const from = performance.now();
    await Promise.all([awake.heard('resumed'), awake.heard('got', awake.count('got') + 1)]);
    expect(performance.now() - from).toBeLessThan(LIVE_AGAIN_MS);
    for (const each of [frozen, awake]) each.tell('hush');
    const [{ said: a }, { said: b }] = await Promise.all([frozen.heard('hushed'), awake.heard('hushed')]);
    await Promise.all([awake.heard('got', a), frozen.heard('got', b)]);
    expect([awake.count('got'), frozen.count('got')]).toEqual([a, b]);
    expect([awake.count('wrong'), frozen.count('wrong'), awake.count('closing'), frozen.count('closing')]).toEqual([0, 0, 0, 0]);
  }, 120_000);

  test('beyond the window: one ending on each side', async () => {
    const pair = await talking(1_000);
    const frozen = pair[who];
    const awake = pair[who === 'near' ? 'far' : 'near'];
    await frozenUntil(frozen, awake.heard('disconnected'));
    await frozen.heard('disconnected');
    for (const each of [frozen, awake]) {
      each.tell('shutdown', { deadlineMs: 1_000 });
      expect(await each.exited).toBe(0); // All is told by then.
      expect([each.count('closing'), each.count('disconnected'), each.count('wrong')]).toEqual([1, 1, 0]);
    }
    expect((await awake.heard('closing')).code).toBe('window-expired');
    // A dialer asks, and hears that its session was given up; a listener can only wait.
    expect((await frozen.heard('closing')).code).toBe(who === 'near' ? 'peer-lost-session' : 'window-expired');
  }, 120_000);
});
