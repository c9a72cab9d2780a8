import type { Wire, WireHandler } from '../../machines/ports.js';
import { hashOf, NothingLeft } from './checks.js';
import { SimClock } from './clock.js';
import { FaultPlan } from './fault-plan.js';
import { describeFault, drawFaults, FAULT_WEIGHTS, type FaultKind } from './faults.js';
import { SimNetwork } from './network.js';
import type { SimNetworkOptions } from './network.options.js';
import type { SimProcess } from './process.js';
import { SeededRandom } from './random.js';

const KINDS = Object.keys(FAULT_WEIGHTS) as FaultKind[];
const ALL = { freeze: 2, suspend: 2, 'wall-jump': 1, restart: 2 };
const STOP_MS = 3000;

/** A host that talks on every wire it has, ends those that are silent, and, if it dials, is never content without one. */
class Talker {
  readonly ends = new Set<Talk>();
  readonly process: SimProcess;

  constructor(
    readonly world: Toy,
    readonly name: 'a' | 'b',
  ) {
    this.process = world.clock.process();
    this.start();
  }

  start(): void {
    const transport = this.world.network.transport(this.name, { process: this.process });
    if (this.name === 'a') return this.dial(() => transport.dial('sim://b:1'));
    transport.listen('sim://b:1', {
      onListening: () => {},
      onFailed: () => {},
      onOffer: ({ open }) => void open(new Talk(this)),
    });
  }

  dial(opener: () => (handler: WireHandler) => () => void): void {
    if (this.world.isOver) return;
    const again = (): void => void this.process.setTimeout(() => this.dial(opener), 5 + this.world.random.int(40));
    opener()(new Talk(this, again));
  }
}

/** One end: what it sends is 0, 1, 2 … and so must be what it hears, whatever the chunks. */
class Talk implements WireHandler {
  #wire: Wire | undefined;
  #isClosed = false;
  #sent = 0;
  #got = 0;
  #silent: unknown;

  constructor(
    readonly host: Talker,
    readonly onLeft: () => void = () => {},
  ) {
    host.ends.add(this);
  }

  onOpen(wire: Wire): void {
    this.#must(this.#wire === undefined && !this.#isClosed, 'onOpen twice or too late');
    this.#wire = wire;
    this.#say(100);
    this.#listen();
  }
  onBytes(bytes: Uint8Array): void {
    this.#must(this.#wire !== undefined && !this.#isClosed && bytes.length > 0, 'onBytes at a strange time');
    for (const each of bytes) this.#must(each === (this.#got++ & 0xff), `byte ${this.#got} is ${each}`);
    if (!this.#wire!.lends) bytes.fill(0xdd);
    if (this.host.world.random.chance(0.5)) this.#say(1 + this.host.world.random.int(200));
    this.#listen();
  }
  onDrain(): void {
    this.#must(this.#wire !== undefined && !this.#isClosed, 'onDrain at a strange time');
  }
  onProbeAnswer(): void {}
  onClose(): void {
    this.#must(!this.#isClosed, 'onClose twice');
    this.#isClosed = true;
    this.host.ends.delete(this);
    this.host.process.clearTimeout(this.#silent);
    this.onLeft();
  }

  leave(): void {
    this.#wire?.destroy();
  }

  #say(count: number): void {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.#sent++;
    this.#wire!.send(bytes);
  }

  /** A wire that says nothing for a while may be half open. */
  #listen(): void {
    this.host.process.clearTimeout(this.#silent);
    this.#silent = this.host.process.setTimeout(() => (this.host.world.random.chance(0.5) ? this.leave() : this.#shut()), 300);
  }

  #shut(): void {
    this.#wire!.close();
    this.#silent = this.host.process.setTimeout(() => this.leave(), 200);
  }

  #must(claim: boolean, sentence: string): void {
    if (!claim) this.host.world.bad.push(sentence);
  }
}

class Toy {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly plan: FaultPlan;
  readonly bad: string[] = [];
  readonly hosts: Record<'a' | 'b', Talker>;
  isOver = false;

  constructor(seed: number, options: SimNetworkOptions = {}) {
    const random = new SeededRandom(seed);
    this.random = random.split('world');
    this.network = new SimNetwork(this.clock, random.split('network'), options);
    this.hosts = { a: new Talker(this, 'a'), b: new Talker(this, 'b') };
    const onRestart = (name: string, how: string): void => {
      const host = name as 'a' | 'b';
      if (how !== 'network') this.hosts[host] = new Talker(this, host);
      else if (host === 'b') this.hosts.b.start(); // Listens again; whoever dials does so by itself.
    };
    const plan = { hosts: ['a', 'b'], stopMs: STOP_MS, weights: ALL };
    this.plan = FaultPlan.drawn(this.network, random.split('faults'), plan, { onRestart }).start();
  }

  run(): this {
    this.clock.advance(STOP_MS);
    const { counts } = this.network;
    const openedBefore = counts.opened;
    this.clock.runUntil(() => counts.opened > openedBefore, { withinMs: 10_000 }); // Live again.
    this.isOver = true;
    for (const host of Object.values(this.hosts)) for (const end of host.ends) end.leave();
    this.clock.runUntil(() => this.clock.pending === 0, { withinMs: 10_000 });
    const nothing = new NothingLeft();
    nothing.check({ clock: this.clock, network: this.network });
    this.bad.push(...nothing.violations());
    return this;
  }
}

test('simulation/fault plan: a plan is drawn by its seed, lies in its time, and can be read', () => {
  const options = { hosts: ['a', 'b'], startMs: 100, stopMs: 5000, weights: ALL };
  const faults = drawFaults(new SeededRandom(1), options);
  expect(faults).toEqual(drawFaults(new SeededRandom(1), options));
  expect(faults).not.toEqual(drawFaults(new SeededRandom(2), options));
  expect(faults.length).toBeGreaterThan(20);
  for (const fault of faults) {
    expect(fault.atMs >= 100 && fault.atMs < 5000).toBe(true);
    if ('forMs' in fault) expect(fault.atMs + fault.forMs).toBeLessThanOrEqual(5000);
  }
  expect(faults.slice(0, 4).map(describeFault)).toMatchInlineSnapshot(`
   [
     "105 told partition b-a for 109 ms",
     "107 a asleep for 195 ms",
     "108 cut b-a: both, within 50 ms",
     "174 cut b-a: far, within 0 ms",
   ]
  `);
});

describe('simulation/fault plan: under every fault there is', () => {
  test('wires keep their contract, a new one can be opened afterwards, and nothing is left at the end', () => {
    const happened: Partial<Record<FaultKind, number>> = {};
    const sums: Record<string, number> = {};
    for (let seed = 1; seed <= 200; seed++) {
      for (const boundaries of ['stream', 'message'] as const) {
        const { bad, network, plan } = new Toy(seed, { boundaries, highWaterBytes: 400 }).run();
        expect({ seed, boundaries, bad, story: bad.length > 0 ? plan.story : [] }).toEqual({
          seed,
          boundaries,
          bad: [],
          story: [],
        });
        for (const kind of KINDS) happened[kind] = (happened[kind] ?? 0) + (plan.happened[kind] ?? 0);
        for (const [name, n] of Object.entries(network.counts)) sums[name] = (sums[name] ?? 0) + n;
      }
    }
    // Every kind of fault really occurred, and so did everything they lead to.
    for (const kind of KINDS) expect({ kind, often: happened[kind]! > 50 }).toEqual({ kind, often: true });
    const never = ['unresolved', 'mismatched', 'probes']; // What these hosts don't do.
    for (const [name, n] of Object.entries(sums)) expect({ name, often: n > 20 }).toEqual({ name, often: !never.includes(name) });
  });

  test('the same seed gives the same trace twice, and another one another', () => {
    const trace = (seed: number): unknown => {
      const { network, plan, clock } = new Toy(seed).run();
      return { trace: network.traceHash, story: hashOf(Buffer.from(plan.story.join())), steps: clock.steps, atMs: clock.now() };
    };
    const seen = new Set<unknown>();
    for (let seed = 1; seed <= 20; seed++) {
      const first = trace(seed);
      expect({ seed, ...(first as object) }).toEqual({ seed, ...(trace(seed) as object) });
      seen.add(JSON.stringify(first));
    }
    expect(seen.size).toBe(20);
  });
});

test('simulation/fault plan: a failing run can say what was done to it, and be run again without a part of it', () => {
  const first = new Toy(5).run();
  expect(first.plan.story).toHaveLength(first.plan.faults.length);
  for (const [n, line] of first.plan.story.entries()) expect(line).toContain(first.plan.planned[n]);
  const clock = new SimClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const heard: string[] = [];
  const cuts = first.plan.faults.filter(({ kind }) => kind === 'cut');
  const plan = new FaultPlan(network, cuts, STOP_MS, { onFault: (_, line) => heard.push(line) }).start();
  expect([plan.isOver, clock.pending]).toEqual([false, 1]);
  clock.advance(STOP_MS);
  expect([plan.isOver, clock.pending, heard]).toEqual([true, 0, plan.story]);
  expect(heard.every((line) => line.endsWith('(nothing to break)'))).toBe(true);
});

test('simulation/fault plan: a plan that is stopped early ends what lasts', () => {
  const clock = new SimClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const plan = new FaultPlan(network, [{ kind: 'silence', atMs: 10, a: 'a', b: 'b', forMs: 500 }], STOP_MS).start();
  clock.advance(20);
  const route = network.host('a').routeTo(network.host('b'));
  expect([route.silences, clock.pending]).toEqual([1, 2]);
  plan.stop();
  expect([route.silences, clock.pending]).toEqual([0, 0]);
});
