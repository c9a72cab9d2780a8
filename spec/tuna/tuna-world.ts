import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { SeededRandom } from '../sim/random.js';
import type { Watcher } from '../sim/watcher.js';
import { byteAt } from './ncp-channel.js';
import { faultsOf, socketsOf, tunaStateOf } from './state-checks.js';

/** Two engines on a simulated network, one session over several links. What is checked after every step, its `check` says. */
export class TunaWorld {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly a: Engine;
  b: Engine;
  near: Connection | undefined;
  far: Connection | undefined;
  readonly events: string[] = [];
  readonly isDown = { a: false, b: false };
  /** Sessions that a peer had opened here, and when they ended. */
  readonly ended = { a: new Map<string, number>(), b: new Map<string, number>() };
  readonly heard = { a: 0, b: 0 };
  wrong = 0;

  constructor(
    seed: number,
    readonly options: TunaOptions = {},
    /** Of the side that listens, where they differ. */
    readonly optionsB: TunaOptions = options,
    readonly watcher?: Watcher,
  ) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), { boundaries: 'stream' });
    this.b = this.engine('b', ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']);
    this.a = this.engine('a', []);
  }

  engine(name: 'a' | 'b', listen: string[]): Engine {
    const own = this.random.split(name);
    this.ended[name].clear();
    this.isDown[name] = false;
    const clock = this.clock.process(); // Each host has a clock of its own, to be frozen and put to sleep alone.
    const engine = new Engine(
      { clock, random: own.next, entropy: this.watcher?.entropy(own.bytes) ?? own.bytes },
      {
        transports: [this.network.transport(name, { process: clock })],
        protocols: [tuna({ idleMs: 1000, probeTimeoutMs: 1000, ...(name === 'a' ? this.options : this.optionsB) })],
        listen,
      },
    );
    this.watcher?.watch(engine.actor, engine, name);
    engine.on((event) => {
      if (event.type === 'closing') this.events.push(`${name} ${event.closing.code}`);
      if (event.type === 'disconnected' && event.connection.role === 'acceptor')
        this.ended[name].set(event.connection.id, this.clock.now());
      if (event.type === 'lost' || event.type === 'resumed') this.events.push(`${name} ${event.type}`);
      if (event.type !== 'connected') return;
      const connection = event.connection as Connection;
      if (name === 'a') this.near = connection;
      else this.far = connection;
      connection.onMessage = this.take(name);
    });
    void engine.start();
    return engine;
  }

  connect(targets: string | string[] = ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']): void {
    this.clock.settle();
    this.a.connect(targets).catch((error: Error) => this.events.push(error.message));
    this.runUntil(() => this.near !== undefined && this.far !== undefined, { withinMs: 20_000 });
  }

  /** Reads what comes, and compares. */
  take(name: 'a' | 'b'): (bytes: Uint8Array) => void {
    return (bytes) => {
      for (const byte of bytes) if (byte !== byteAt(this.heard[name]++)) this.wrong++;
    };
  }

  links(): (number | undefined)[] {
    return [this.near?.stats()['links'], this.far?.stats()['links']];
  }

  /** As the clock's own, with a look at everything after every step. */
  advance(ms: number): void {
    const untilMs = this.clock.now() + ms;
    while (this.clock.step(untilMs)) this.check();
    this.clock.advance(untilMs - this.clock.now());
  }
  runUntil(isMet: () => boolean, { withinMs = Infinity } = {}): void {
    const done = (): boolean => (this.check(), isMet());
    Object.defineProperty(done, 'name', { value: String(isMet) });
    this.clock.runUntil(done, { withinMs });
  }

  /** The host loses everything; `engine` starts it anew. */
  crash(name: 'a' | 'b'): void {
    this.isDown[name] = true;
    this.network.restart(name, 'crash');
  }

  /** One look at both sides (state-checks.ts), and that no socket is open which nobody counts. */
  check(): void {
    for (const name of ['a', 'b'] as const) {
      if (this.isDown[name]) continue;
      const state = tunaStateOf(this[name]);
      const faults = faultsOf(state, this.ended[name], this.clock.now());
      const sockets = socketsOf(this.network, name);
      if (sockets !== state.wires) faults.push(`${sockets} sockets, and ${state.wires} counted`);
      if (faults.length > 0) throw new Error(`${name} at ${this.clock.now()} ms: ${faults.join('; ')}`);
    }
  }

  /** Nothing may be left. */
  end(): void {
    void this.a.shutdown();
    void this.b.shutdown();
    this.advance(15_000);
    expect({ pending: this.clock.pending, wrong: this.wrong }).toEqual({ pending: 0, wrong: 0 });
    const nothing = { listeners: [], sessions: [], closedSessionKey: [], isClosed: true, wires: 0, openings: 0 };
    for (const name of ['a', 'b'] as const) if (!this.isDown[name]) expect(tunaStateOf(this[name])).toEqual(nothing);
  }
}
