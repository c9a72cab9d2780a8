import type { EngineEvent } from '../adapters/index.js';
import { RESUME_LIMITS, resume } from '../adapters/resume/index.js';
import type { RendezvousNode, Signalling } from '../adapters/rendezvous/index.js';
import { PoolHosts, watched } from './sim/pool-hosts.js';
import { Hosts } from './rendezvous/hosts.js';

/** Names of the former version go on working for one version (`@deprecated`); the words of the present one win where both are given. */
describe('former names: each is an alias', () => {
  test('connections: isParting is isClosing, and parting follows closeStarted', async () => {
    const world = new PoolHosts(1);
    const [a, b] = [world.host('a'), world.host('b')];
    const asked = watched(a.engine.connect(b.id));
    await world.live(200);
    const here = asked.value!;
    const seen: string[] = [];
    const note = (event: EngineEvent): void => {
      if (event.type === 'closeStarted' || event.type === 'parting') seen.push(`${event.type} ${event.connection.id}`);
    };
    a.engine.on(note);
    expect([here.isClosing, here.isParting]).toEqual([false, false]);
    void here.close();
    expect([here.isClosing, here.isParting]).toEqual([true, true]);
    await world.live(200);
    expect(seen).toEqual([`closeStarted ${here.id}`, `parting ${here.id}`]);
  });

  test('resume: greetingTimeoutMs is helloTimeoutMs', () => {
    expect(resume({ greetingTimeoutMs: 70 }).openingTimeoutMs).toBe(70);
    expect(resume({ helloTimeoutMs: 80, greetingTimeoutMs: 70 }).openingTimeoutMs).toBe(80);
    expect(resume({}).openingTimeoutMs).toBe(RESUME_LIMITS.helloTimeoutMs);
    expect(() => resume({ greetingTimeoutMs: -1 })).toThrow('resume.helloTimeoutMs');
  });

  test('rendezvous: the option signalling, the limits of letters and the size roads', async () => {
    const hosts = new Hosts();
    const book = new Map<string, RendezvousNode>();
    const signalling: Signalling = {
      send: (to, message) => void hosts.clock.setTimeout(() => book.get(to)?.receive(message), 5),
    };
    const limits = { lettersBurst: 3, lettersPerSecond: 1 };
    const [a, b] = ['a', 'b'].map((name) => hosts.start(name, { signalling, limits }));
    for (const node of [a!, b!]) book.set(node.id, node);
    await hosts.live(1);
    const met = watched(a!.meet(b!.id));
    await hosts.until(() => met.value !== undefined);
    expect(met.value?.outcome).toBe('met');
    expect([a!.sizes.roads, Object.keys(a!.sizes)]).toEqual([a!.sizes.routes, ['expected', 'pending', 'routes', 'timers']]);
    expect(() => hosts.make('c', { limits: { lettersBurst: -1 } })).toThrow('createNode.limits.messagesBurst');
    expect(() => hosts.make('c', { signalling: {} as Signalling })).toThrow('createNode.signaling');
  });
});
