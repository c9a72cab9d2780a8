import { describeFault, drawFaults, type Fault, type FaultPlanOptions } from './faults.js';
import type { SimLink } from './link.js';
import type { SimNetwork } from './network.js';
import type { SeededRandom } from './random.js';
import { SimTimer } from './timers.js';

export interface FaultHooks {
  /** After a host has restarted: its world is to be built anew, with a transport (and after a crash a process) of its own. */
  onRestart?(host: string, how: 'network' | 'crash' | 'power'): void;
  /** Each fault as it happens. */
  onFault?(fault: Fault, happened: string): void;
}

/**
 * Plays faults on a network, each at its time, by one timer of the clock. At `stopMs` all that lasts is over: what is not
 * live again some time later is the fault of those under test. `planned` and `story` are for the text of a failure.
 */
export class FaultPlan {
  /** What happened, one line each; a fault that found nothing to break says so. */
  readonly story: string[] = [];
  /** How often each kind really broke something. */
  readonly happened: Partial<Record<Fault['kind'], number>> = {};
  readonly #timer = new SimTimer(() => this.#next());
  readonly #ends: (() => void)[] = []; // Of what lasts, until it is over or the plan is.
  #at = 0;

  constructor(
    readonly network: SimNetwork,
    /** In order of time. To find out which one matters, leave some out. */
    readonly faults: readonly Fault[],
    readonly stopMs: number,
    readonly hooks: FaultHooks = {},
  ) {}

  /** A plan drawn by chance. */
  static drawn(network: SimNetwork, random: SeededRandom, options: FaultPlanOptions, hooks?: FaultHooks): FaultPlan {
    return new FaultPlan(network, drawFaults(random, options), options.stopMs, hooks);
  }

  get planned(): string[] {
    return this.faults.map(describeFault);
  }

  get isOver(): boolean {
    return this.network.clock.now() >= this.stopMs;
  }

  /** Begins. Until `stopMs` one timer is pending in the clock. */
  start(): this {
    this.#arm();
    return this;
  }

  /** Ends at once, and all that lasts with it. */
  stop(): void {
    this.#at = this.faults.length;
    this.network.clock.disarm(this.#timer);
    for (const end of this.#ends.splice(0)) end();
  }

  #arm(): void {
    this.network.clock.arm(this.#timer, this.faults[this.#at]?.atMs ?? this.stopMs);
  }

  #next(): void {
    const fault = this.faults[this.#at++];
    if (fault === undefined) return this.stop();
    this.#arm();
    const result = this.#play(fault);
    if (result !== undefined) this.happened[fault.kind] = (this.happened[fault.kind] ?? 0) + 1;
    const line = `${describeFault(fault)}${result === undefined ? ' (nothing to break)' : result === '' ? '' : ` (${result})`}`;
    this.story.push(line);
    this.hooks.onFault?.(fault, line);
  }

  /** Returns what it did in a word or none; `undefined` where there was nothing to do. */
  #play(fault: Fault): string | undefined {
    const { network } = this;
    switch (fault.kind) {
      case 'cut': {
        const count = network.cutBetween(fault.a, fault.b, fault.mode, { withinMs: fault.withinMs });
        return count > 0 ? `${count} wires` : undefined;
      }
      case 'exact-cut': {
        const link = this.#newest(fault.a, fault.b);
        if (link === undefined) return undefined;
        link.cutAfterBytes(fault.bytes, fault.side);
        this.#ends.push(() => link.cutAfterBytes(Infinity, fault.side));
        return `wire ${link.serial}`;
      }
      case 'silence':
        return this.#last(network.silence(fault.a, fault.b), fault.forMs);
      case 'partition':
        return this.#last(network.partition([fault.a], [fault.b], fault.how), fault.forMs);
      case 'wire-silence': {
        const link = this.#newest(fault.a, fault.b);
        return link && this.#last(link.silence(fault.side), fault.forMs);
      }
      case 'slow': {
        network.setLatency(fault.a, fault.b, [fault.latencyMs, fault.latencyMs * 2]);
        return this.#last(() => network.setLatency(fault.a, fault.b, undefined), fault.forMs);
      }
      case 'refuse':
        network.refuse(fault.host, fault.forMs);
        return '';
      case 'freeze':
        return network.host(fault.host).process?.freeze(fault.forMs) ? '' : undefined;
      case 'suspend':
        return network.host(fault.host).process?.suspend(fault.forMs) ? '' : undefined;
      case 'wall-jump':
        network.host(fault.host).process?.jumpWall(fault.ms);
        return network.host(fault.host).process && '';
      case 'restart':
        network.restart(fault.host, fault.how);
        this.hooks.onRestart?.(fault.host, fault.how);
        return '';
    }
  }

  #newest(a: string, b: string): SimLink | undefined {
    let newest: SimLink | undefined;
    for (const link of this.network.links) if (!link.isCut && link.isBetween(a, b)) newest = link;
    return newest;
  }

  #last(end: () => void, forMs: number): string {
    const { clock } = this.network;
    const timer = clock.setTimeout(over, forMs);
    const ends = this.#ends;
    ends.push(over);
    function over(): void {
      clock.clearTimeout(timer);
      const index = ends.indexOf(over);
      if (index >= 0) ends.splice(index, 1);
      end();
    }
    return '';
  }
}
