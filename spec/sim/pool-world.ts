import { pool, type PoolOptions } from '../../adapters/pool/index.js';
import { Engine } from '../../machines/engine.js';
import type { Resolver } from '../../machines/ports.js';
import { NothingLeft, SettledOnce, violationsOf } from './checks.js';
import { SimClock } from './clock.js';
import { FaultPlan } from './fault-plan.js';
import { SimNetwork } from './network.js';
import type { SimNetworkOptions } from './network.options.js';
import { HEAD_BYTES, Host, messageOf, type Line, type Witness } from './pool-line.js';
import { SeededRandom } from './random.js';
import { inWords, note, type Report } from './report.js';
import type { Watcher } from './watcher.js';

export interface PoolPlan {
  readonly seed: number;
  /** No faults: then nobody may lose anything, fail, or connect twice. Default: by the seed, one of four. */
  readonly isCalm?: boolean;
  /** Lines kept of what happened. Default 120. */
  readonly traceMax?: number;
  readonly watcher?: Watcher | undefined;
}

/** After the last fault every pair that somebody wants is connected within this time. */
const LIVE_AGAIN_MS = 20_000;
const STEPS_MAX = 200_000;

/** Two to four engines that speak pool and dial each other all the time, one seed. */
export class PoolWorld implements Witness {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly hosts: Host[] = [];
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly settled = new SettledOnce('every connect settles once');
  readonly closings: Record<string, number> = {};
  readonly refusals: Record<string, number> = {};
  readonly #isCalm: boolean;
  readonly #messageBytesMax: number;
  #isClosing = false;
  #asked = 0;
  #connected = 0;

  constructor(readonly plan: PoolPlan) {
    const random = (this.random = new SeededRandom(plan.seed));
    this.#isCalm = plan.isCalm ?? random.chance(0.25);
    const network: SimNetworkOptions = {
      boundaries: random.chance(0.7) ? 'stream' : 'message',
      latencyMs: random.pick([[1, 1] as const, [1, 20] as const, [20, 80] as const]),
      bytesPerMs: random.pick([Infinity, Infinity, 8]),
    };
    this.network = new SimNetwork(this.clock, random.split('network'), network);
    this.#messageBytesMax = random.pick([64, 300, 2000]);
    const isProven = random.chance(0.3);
    const options: Omit<PoolOptions, 'id'> = {
      identity: isProven ? 'tls' : 'stated',
      connectTimeoutMs: 1500 + random.int(1500),
      keepaliveIntervalMs: random.pick([300, 1000]),
      probeTimeoutMs: 2500,
      closeGraceMs: 500 + random.int(1000),
      yieldMs: 1000 + random.int(700),
      retryAttempts: 3,
      retryDelayMs: random.int(300),
      messageBytesMax: this.#messageBytesMax,
      sendBytesMax: random.pick([2, 10]) * (this.#messageBytesMax + 128),
      sendBytesHigh: 500,
      receiveBytesHigh: random.pick([200, 5000]),
    };
    const book = new Map<string, string[]>();
    const resolver: Resolver = {
      resolve: (peer, answer) => {
        answer(book.get(peer) ?? []);
        return () => {};
      },
    };
    for (let index = 0; index < 2 + random.int(3); index++) {
      const own = random.split(`host ${index}`);
      const id = [...own.bytes(32)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      const name = `h${index}`;
      book.set(id, own.chance(0.3) ? [`sim://${name}:9`, `sim://${name}:1`] : [`sim://${name}:1`]); // Nobody is at port 9.
      const clock = this.clock.process();
      const transport = this.network.transport(name, { process: clock, identity: { fingerprint: id } });
      const engine = new Engine(
        { clock, random: own.next, entropy: plan.watcher?.entropy(own.bytes) ?? own.bytes },
        { transports: [transport], protocols: [pool({ ...options, id })], listen: [`sim://${name}:1`], resolver },
      );
      plan.watcher?.watch(engine.actor, engine, name);
      this.hosts.push(new Host(index, id, engine, this));
    }
  }

  indexOf(id: string): string {
    const found = this.hosts.findIndex((host) => host.id === id);
    return found < 0 ? id : String(found);
  }

  note(line: string): void {
    note(this.trace, line, this.clock.now(), this.plan.traceMax ?? 120);
  }

  async run(): Promise<Report> {
    try {
      for (const host of this.hosts) void host.engine.start();
      this.clock.settle();
      await this.#suffer();
      await this.#recover();
      await this.#part();
    } catch (error) {
      this.violations.push(inWords(error));
    }
    this.violations.push(...violationsOf([this.settled, ...this.hosts.map((host) => host.alternating)]));
    const { counts } = this.network;
    const lines = this.hosts.flatMap((host) => host.lines);
    return {
      seed: this.plan.seed,
      violations: this.violations,
      trace: this.trace,
      counts: {
        ...counts,
        ...Object.fromEntries(Object.entries(this.closings).map(([code, n]) => [`closing ${code}`, n])),
        ...Object.fromEntries(Object.entries(this.refusals).map(([code, n]) => [`refused ${code}`, n])),
        asked: this.#asked,
        answered: this.#connected,
        lines: lines.length,
        messages: lines.reduce((sum, line) => sum + line.received, 0),
        steps: this.clock.steps,
        virtualMs: this.clock.now(),
      },
    };
  }

  // What happens.

  #ask(from: Host, to: Host, mustCome: boolean): void {
    const random = this.random;
    const abort = !mustCome && !this.#isCalm && random.chance(0.1) ? new AbortController() : undefined;
    const asked = from.engine.connect(to.id, {
      retry: mustCome || random.chance(0.7),
      ...(abort === undefined ? {} : { signal: abort.signal }),
    });
    const name = `connect ${this.#asked++}, ${from.index} to ${to.index}`;
    this.note(name);
    this.settled.watch(name, asked);
    asked.then(
      (connection) => {
        this.#connected++;
        if (connection.peer !== to.id) this.violations.push(`${name} got a connection to ${this.indexOf(connection.peer)}`);
        if (!from.lines.some((line) => line.connection === connection)) this.violations.push(`${name} got a stranger`);
      },
      (error: Error) => {
        this.note(`${name} failed: ${error.message}`);
        if ((mustCome || (this.#isCalm && !this.#isClosing)) && abort === undefined)
          this.violations.push(`${name} failed: ${error.message}`);
      },
    );
    if (abort !== undefined) this.clock.setTimeout(() => abort.abort(), random.int(100));
  }

  #pair(): [Host, Host] {
    return this.random.shuffle(this.hosts).slice(0, 2) as [Host, Host];
  }

  async #suffer(): Promise<void> {
    const { random, clock } = this;
    const stopMs = 500 + random.int(3000);
    if (!this.#isCalm) {
      const hosts = this.hosts.map((host) => `h${host.index}`);
      const drawn = { hosts, stopMs, everyMs: [1, 400] as const, weights: { freeze: 2, suspend: 1, refuse: 6 } };
      FaultPlan.drawn(this.network, random.split('faults'), drawn, { onFault: (_, line) => this.note(line) }).start();
    }
    const isOver = (): boolean => clock.now() >= stopMs;
    const again = (fn: () => void, everyMs: number): void => {
      if (isOver()) return;
      fn();
      clock.setTimeout(() => again(fn, everyMs), random.int(everyMs));
    };
    const asks = random.pick([100, 400]);
    again(() => {
      const [from, to] = this.#pair();
      this.#ask(from, to, false);
      if (random.chance(0.5)) clock.setTimeout(() => this.#ask(to, from, false), random.pick([0, 0, 1, 5, 20]));
    }, asks);
    again(() => this.#slowReader(), 1500);
    if (!this.#isCalm) again(() => this.#close(), 600);
    await this.#until(isOver);
    this.note('no more faults');
  }

  /** Who takes nothing for a while stops its sender, and nothing else. */
  #slowReader(): void {
    const lines = this.#lines();
    if (lines.length === 0) return;
    const line = this.random.pick(lines);
    this.note(`${line.name} doesn't read`);
    line.connection.onMessage = undefined;
    this.clock.setTimeout(
      () => {
        this.note(`${line.name} reads`);
        line.connection.onMessage = line.take;
      },
      this.random.pick([50, 500, 4000]),
    );
  }

  #close(): void {
    const lines = this.#lines();
    if (lines.length === 0 || !this.random.chance(0.5)) return;
    const line = this.random.pick(lines);
    this.note(`${line.name} is closed`);
    void line.connection.close(this.random.chance(0.2) ? { now: true } : {});
  }

  #lines(): Line[] {
    return this.hosts.flatMap((host) => [...host.live.values()]);
  }

  /** Somebody of each pair, or both, wants the other: both have one connection then, the same one. */
  async #recover(): Promise<void> {
    const { random, clock } = this;
    const deadlineMs = clock.now() + LIVE_AGAIN_MS;
    const pairs = this.hosts.flatMap((a, i) => this.hosts.slice(i + 1).map((b) => [a, b] as const));
    let next = clock.now();
    const areConnected = (): boolean => {
      if (pairs.every(([a, b]) => this.#agree(a, b))) return true;
      // Whoever believes in a dead connection learns of it by and by, and then asks again.
      if (clock.now() >= next) {
        next = clock.now() + 5000;
        for (const [a, b] of pairs) {
          const mustCome = clock.now() > deadlineMs - LIVE_AGAIN_MS; // At first it may join a row of dials that is nearly over.
          if (random.chance(0.7)) this.#ask(a, b, mustCome);
          else this.#ask(b, a, mustCome);
          if (random.chance(0.3)) this.#ask(b, a, mustCome);
        }
        this.#keepTime(next);
      }
      return false;
    };
    await this.#until(areConnected, deadlineMs, 'connected, each pair once');
    await this.#until(() => this.settled.openCount === 0, clock.now() + LIVE_AGAIN_MS, 'settled');
    if (!this.#isCalm) return;
    for (const host of this.hosts)
      for (const other of this.hosts) {
        const lines = host.lines.filter((line) => line.connection.peer === other.id);
        if (lines.length > 1)
          this.violations.push(`${host.index} was connected to ${other.index} ${lines.length} times without need`);
      }
  }

  /** A live line on each side, and each has heard the other. */
  #agree(a: Host, b: Host): boolean {
    const [near, far] = [a.live.get(b.id), b.live.get(a.id)];
    return near !== undefined && far !== undefined && near.heardFrom === far.name && far.heardFrom === near.name;
  }

  #keepTime(atMs: number): void {
    this.clock.setTimeout(() => {}, atMs - this.clock.now());
  }

  async #part(): Promise<void> {
    const { random, clock } = this;
    this.#isClosing = true;
    for (const line of this.#lines()) if (random.chance(0.3)) void line.connection.close();
    if (random.chance(0.5)) this.#ask(...this.#pair(), false); // While one is said goodbye to, perhaps.
    if (random.chance(0.5)) await this.#until(() => true);
    for (const { engine } of this.hosts) void engine.shutdown();
    await this.#until(() => clock.pending === 0, clock.now() + 30_000, 'quiet after shutdown');
    await new Promise((resolve) => setImmediate(resolve));
    this.settled.complete();
    for (const host of this.hosts) host.alternating.complete();
    const left = new NothingLeft();
    for (const { engine, index } of this.hosts) {
      const { connections, wires, openings } = engine.metrics();
      left.check({
        counts: { [`connections of ${index}`]: connections, [`wires of ${index}`]: wires, [`openings of ${index}`]: openings },
      });
    }
    left.check({ clock, network: this.network });
    this.violations.push(...violationsOf([left]));
    this.#checkGoodbyes();
  }

  /** A goodbye that was heard stands behind everything that was written before it. */
  #checkGoodbyes(): void {
    const lines = new Map(this.hosts.flatMap((host) => host.lines).map((line) => [line.name, line]));
    for (const line of lines.values()) {
      if (line.closing?.code !== 'peer-goodbye' || line.heardFrom === undefined) continue;
      const other = lines.get(line.heardFrom)!;
      const unsent = other.closing?.detail?.unsent;
      const written = typeof unsent !== 'object' ? other.sent : unsent.from - 1;
      if (line.received !== written)
        this.violations.push(`${line.name} heard the goodbye of ${other.name} after ${line.received} of ${written} messages`);
    }
    if (!this.#isCalm) return;
    for (const code of Object.keys(this.closings))
      if (!['closed', 'peer-goodbye', 'shutdown', 'cancelled'].includes(code)) this.violations.push(`without a fault, ${code}`);
  }

  // Messages.

  #write(): void {
    const lines = this.#lines();
    if (lines.length === 0) return;
    const { random } = this;
    const line = random.pick(lines);
    const bytes = HEAD_BYTES + random.int(this.#messageBytesMax - HEAD_BYTES + 1);
    const message = messageOf(line.host.index, line.serial, line.sent, bytes);
    try {
      line.connection.write(message);
      message.fill(0xdd); // The buffer is the caller's again.
      line.sent++;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'queue-full' && code !== 'closed') throw error;
    }
  }

  // Time.

  async #until(isMet: () => boolean, deadlineMs = Infinity, what = ''): Promise<void> {
    const { clock } = this;
    for (let n = 0; !isMet(); n++) {
      if (clock.now() > deadlineMs) throw new Error(`not ${what} in time: ${this.#standing()}`);
      if (clock.steps > STEPS_MAX) throw new Error(`the step limit is reached, not ${what}: ${this.#standing()}`);
      if (n % 3 === 0) this.#write();
      if (!clock.step() && !isMet()) throw new Error(`nothing is left to happen, not ${what}: ${this.#standing()}`);
      await Promise.resolve(); // What promises hold is told.
    }
  }

  #standing(): string {
    return this.hosts
      .map((host) => {
        const live = [...host.live].map(
          ([peer, line]) => `${line.name} to ${this.indexOf(peer)} hears ${line.heardFrom ?? 'nobody'}`,
        );
        return `${host.index}: ${live.join(', ') || 'nothing'}`;
      })
      .join('; ');
  }
}

export function runPoolWorld(plan: PoolPlan): Promise<Report> {
  return new PoolWorld(plan).run();
}
