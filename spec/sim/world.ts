import { checkOptionNames } from '../../machines/arguments.js';
import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import { SimClock } from './clock.js';
import { FaultPlan } from './fault-plan.js';
import { SimNetwork } from './network.js';
import { SeededRandom } from './random.js';
import { inWords, note, type Report } from './report.js';
import type { Watcher } from './watcher.js';

/** One schedule: a seed, how much is sent, for how long the network is cruel. */
export interface Plan {
  readonly seed: number;
  /** Messages each way. Default: 8 to 60, by the seed. */
  readonly messages?: number;
  /** Virtual milliseconds of faults. Default: 200 to 2000, by the seed. */
  readonly faultsMs?: number;
  readonly options?: ResumeOptions;
  readonly watcher?: Watcher | undefined;
}

/** What a run counted, beside what the network did. */
export type WorldCounts = Readonly<
  Record<keyof SimNetwork['counts'] | 'messages' | 'resumes' | 'duplicates' | 'virtualMs' | 'steps', number>
>;

/** After the last fault everything accepted is delivered, and acknowledged, within this time. */
const LIVE_AGAIN_MS = 30_000;
const STEPS_MAX = 400_000;
const TRACE_MAX = 80;
/** Hosts that freeze, sleep and lose their time, beside all that a network does. */
const WEIGHTS = { freeze: 2, suspend: 2, 'wall-jump': 2 };

/** One side of the session under test. */
class Side {
  readonly got: Uint8Array[] = [];
  connection: Connection | undefined;
  sent = 0;
  wasOpened = false;
  connected = 0;
  disconnected = 0;
  peakQueued = 0;
  closing: string | undefined;

  constructor(
    readonly name: string,
    readonly engine: Engine,
    readonly world: World,
  ) {
    engine.on((event) => this.#hear(event));
  }

  #hear(event: EngineEvent): void {
    this.world.note(
      `${this.name} ${event.type} ${event.type === 'state' ? event.state : event.type === 'refused' ? event.code : event.type === 'closing' ? event.closing.code : ''}`,
    );
    if (event.type === 'state' && event.state === 'inProgress') this.wasOpened = true;
    if (event.type === 'connected') {
      this.connected++;
      this.connection = event.connection as Connection;
      this.connection.onMessage = this.take;
    } else if (event.type === 'disconnected') this.disconnected++;
    else if (event.type === 'closing')
      this.closing = `${event.closing.code} ${event.closing.side}${event.closing.detail?.rule === undefined ? '' : ` ${event.closing.detail.rule}`}`;
  }

  readonly take = (message: Uint8Array): void => {
    this.got.push(message);
  };
}

/** Two engines, one session, one seed. */
export class World {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly dialer: Side;
  readonly acceptor: Side;
  #messages: number;
  #faultsMs: number;
  #writers = 0;
  #bound: number;
  #sizes: number;

  constructor(readonly plan: Plan) {
    const random = (this.random = new SeededRandom(plan.seed));
    this.network = new SimNetwork(this.clock, random.split('network'), { boundaries: random.chance(0.5) ? 'stream' : 'message' });
    this.#messages = plan.messages ?? 8 + random.int(53);
    this.#faultsMs = plan.faultsMs ?? 200 + random.int(1800);
    const messageBytesMax = random.pick([64, 300, 2000]);
    const bound = random.pick([2, 3, 10]) * (messageBytesMax + 64);
    const options: ResumeOptions = {
      reconnectWindowMs: 120_000,
      handshakeTimeoutMs: 60_000,
      helloTimeoutMs: 400,
      idleMs: 300,
      probeTimeoutMs: 300,
      ackDelayMs: random.int(30),
      ackEveryBytes: 1 + random.int(2000),
      messageBytesMax,
      sendBytesMax: bound,
      receiveBytesMax: bound,
      first: random.pick([1, 2 ** 32 - 10, 2 ** 24 - 5]),
      redial: { kind: 'exponential', baseMs: 10, capMs: 200, immediateIfLivedMs: 1000 },
      ...plan.options,
    };
    const engineOf = (name: string, listen: string[]): Engine => {
      const own = random.split(name);
      const clock = this.clock.process(); // Each host has a clock of its own, to be frozen and put to sleep alone.
      const engine = new Engine(
        { clock, random: own.next, entropy: plan.watcher?.entropy(own.bytes) ?? own.bytes },
        { transports: [this.network.transport(name, { process: clock })], protocols: [resume(options)], listen },
      );
      plan.watcher?.watch(engine.actor, engine, name);
      return engine;
    };
    this.acceptor = new Side('b', engineOf('b', ['sim://b:1']), this);
    this.dialer = new Side('a', engineOf('a', []), this);
    this.#sizes = messageBytesMax;
    this.#bound = bound;
  }

  note(line: string): void {
    note(this.trace, line, this.clock.now(), TRACE_MAX);
  }

  run(): Report<WorldCounts> {
    try {
      this.#begin();
      this.#suffer();
      this.#recover();
      this.#part();
    } catch (error) {
      this.violations.push(inWords(error));
    }
    const { dialer, acceptor } = this;
    const stats = [dialer, acceptor].map((s) => s.connection?.stats() ?? {});
    const sum = (name: string): number => stats.reduce((n, s) => n + (s[name] ?? 0), 0);
    return {
      seed: this.plan.seed,
      violations: this.violations,
      trace: this.trace,
      counts: {
        ...this.network.counts,
        messages: dialer.got.length + acceptor.got.length,
        resumes: sum('resumes') / 2,
        duplicates: sum('duplicates'),
        virtualMs: this.clock.now(),
        steps: this.clock.steps,
      },
    };
  }

  #begin(): void {
    void this.acceptor.engine.start();
    void this.dialer.engine.start();
    this.clock.settle();
    // The first dial itself must get through; everything behind it may be cut.
    this.dialer.engine.connect('sim://b:1').catch((error: Error) => this.violations.push(`connect failed: ${error.message}`));
    this.#step(() => this.dialer.wasOpened, 1000, 'open');
  }

  #suffer(): void {
    const faults = this.random.split('faults');
    const stopMs = this.clock.now() + this.#faultsMs;
    const drawn = { hosts: ['a', 'b'], startMs: this.clock.now(), stopMs, everyMs: [1, 150] as const, weights: WEIGHTS };
    const plan = FaultPlan.drawn(this.network, faults, drawn, { onFault: (_, line) => this.note(line) }).start();
    // A reader that takes nothing for a while; then it takes all.
    const readers = (): void => {
      if (plan.isOver) return;
      const side = faults.pick([this.dialer, this.acceptor]);
      const { connection } = side;
      if (connection !== undefined) {
        connection.onMessage = undefined;
        this.clock.setTimeout(() => (connection.onMessage = side.take), faults.int(500));
      }
      this.clock.setTimeout(readers, faults.int(1500));
    };
    readers();
    this.#until(stopMs);
    this.note('no more faults');
  }

  #recover(): void {
    this.#step(() => this.#isDelivered, this.clock.now() + LIVE_AGAIN_MS, 'delivered and acknowledged');
    this.#check(this.dialer, this.acceptor);
    this.#check(this.acceptor, this.dialer);
    this.#checkMemory(this.dialer);
    this.#checkMemory(this.acceptor);
  }

  /** One side closes, or both at once; then both engines shut down, and nothing may be left. */
  #part(): void {
    const { dialer, acceptor } = this;
    const who = this.random.int(3);
    if (who !== 1) void dialer.connection?.close();
    if (who !== 0) void acceptor.connection?.close();
    this.#step(
      () => dialer.closing !== undefined && acceptor.closing !== undefined,
      this.clock.now() + 10_000,
      'closed on both sides',
    );
    for (const side of [dialer, acceptor]) {
      if (side.closing !== 'closed local' && side.closing !== 'peer-goodbye remote')
        this.violations.push(`${side.name} ended with ${side.closing}`);
      if (side.connected !== 1 || side.disconnected !== 1)
        this.violations.push(`${side.name}: ${side.connected} connected, ${side.disconnected} disconnected`);
      void side.engine.shutdown();
    }
    this.#step(() => this.clock.pending === 0, this.clock.now() + 20_000, 'quiet after shutdown');
    for (const side of [dialer, acceptor]) {
      const { connections, wires, openings } = side.engine.metrics() as unknown as Record<string, number>;
      if (connections !== 0 || wires !== 0 || openings !== 0)
        this.violations.push(`${side.name} has left ${connections} connections, ${wires} wires, ${openings} openings`);
    }
    if (this.network.links.size > 0) this.violations.push(`${this.network.links.size} links are left`);
  }

  get #isDelivered(): boolean {
    const done = (from: Side, to: Side): boolean =>
      from.sent === this.#messages &&
      to.got.length >= this.#messages &&
      from.connection?.stats()['acknowledged'] === this.#messages;
    return done(this.dialer, this.acceptor) && done(this.acceptor, this.dialer);
  }

  #until(at: number): void {
    while (this.clock.nextMs <= at) this.#one();
    this.clock.advance(Math.max(0, at - this.clock.now()));
  }

  #step(done: () => boolean, deadline: number, what: string): void {
    while (!done()) {
      if (this.clock.now() > deadline)
        throw new Error(`not ${what} in time: a ${this.#progress(this.dialer)}, b ${this.#progress(this.acceptor)}`);
      if (this.clock.steps > STEPS_MAX) throw new Error(`the step limit is reached, not ${what}`);
      if (!this.#one()) {
        if (done()) return;
        throw new Error(
          `nothing is left to happen, not ${what}: a ${this.#progress(this.dialer)}, b ${this.#progress(this.acceptor)}`,
        );
      }
    }
  }

  #one(): boolean {
    this.#write(this.dialer);
    this.#write(this.acceptor);
    return this.clock.step();
  }

  #write(side: Side): void {
    const { connection } = side;
    if (connection === undefined || side.closing !== undefined) return;
    if (side.sent >= this.#messages || this.#writers++ % 3 !== 0) return;
    const message = messageOf(this.plan.seed, side.name, side.sent, this.#sizes);
    const queued = connection.stats()['queuedBytes'] ?? 0;
    side.peakQueued = Math.max(side.peakQueued, queued);
    if (queued + message.length + 64 > this.#bound) return;
    connection.write(message);
    message.fill(0xdd); // The buffer is the caller's again.
    side.sent++;
  }

  #checkMemory(side: Side): void {
    if (side.peakQueued > this.#bound)
      this.violations.push(`${side.name} had ${side.peakQueued} bytes queued, above ${this.#bound}`);
  }

  #check(from: Side, to: Side): void {
    const expected = this.#messages;
    if (to.got.length !== expected) this.violations.push(`${to.name} got ${to.got.length} of ${expected} messages`);
    for (let n = 0; n < Math.min(expected, to.got.length); n++) {
      const want = messageOf(this.plan.seed, from.name, n, this.#sizes);
      if (Buffer.compare(to.got[n]!, want) === 0) continue;
      this.violations.push(`${to.name}: message ${n} is not what ${from.name} sent`);
      break;
    }
  }

  #progress(side: Side): string {
    const { acknowledged = 0, received = 0, queuedBytes = 0 } = side.connection?.stats() ?? {};
    return `${side.connection?.state ?? 'nothing'} (${side.closing ?? 'open'}), wrote ${side.sent} of ${this.#messages}, acknowledged ${acknowledged}, received ${received}, queued ${queuedBytes}`;
  }
}

/** Any bytes are legal, none at all too; what message `n` is can be computed on both sides. */
function messageOf(seed: number, side: string, n: number, bytesMax: number): Uint8Array {
  const mix = (Math.imul(seed + n * 7919, 2654435761) ^ side.charCodeAt(0)) >>> 0;
  const length = n % 11 === 0 ? 0 : mix % (bytesMax + 1);
  const message = new Uint8Array(length);
  // It repeats itself every 256 bytes.
  for (let i = 0; i < Math.min(length, 256); i++) message[i] = (mix >>> ((i & 3) * 8)) + i + n;
  for (let done = 256; done < length; done *= 2) message.copyWithin(done, 0, Math.min(done, length - done));
  return message;
}

/** Runs a plan to its end and checks all that must hold on the way. The same plan gives the same report. */
export function runWorld(plan: Plan): Report<WorldCounts> {
  checkOptionNames('runWorld', plan, 'seed', 'messages', 'faultsMs', 'options', 'watcher');
  return new World(plan).run();
}
