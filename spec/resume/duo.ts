import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SimClock } from '../sim/clock.js';
import type { SimLink } from '../sim/link.js';
import { SimNetwork } from '../sim/network.js';
import { CALM, type SimNetworkOptions } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';

/** One side of the session, and what became of it. */
export class Party {
  readonly got: number[] = [];
  readonly story: string[] = [];
  connection: Connection | undefined;
  said = 0;

  constructor(readonly engine: Engine) {
    engine.on((event) => {
      if (event.type === 'connected') {
        this.connection = event.connection as Connection;
        this.connection.onMessage = (message) => this.got.push(message[0]!);
      }
      if (event.type === 'connected' || event.type === 'disconnected') this.story.push(event.type);
      if (event.type === 'closing') this.story.push(event.closing.code);
    });
    void engine.start();
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) this.connection!.write(Uint8Array.of(this.said++, 0, 0, 0));
  }
}

/** Two engines, one session. `onWire` sees every wire before a byte is on it, counted from 1. */
export class Duo {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly near: Party;
  readonly far: Party;
  wire!: SimLink;

  constructor(
    onWire: (wire: SimLink) => void = () => {},
    { network = {}, options = {} }: { network?: SimNetworkOptions; options?: ResumeOptions } = {},
  ) {
    const random = new SeededRandom(7);
    this.network = new SimNetwork(this.clock, random.split('network'), { ...CALM, ...network });
    this.network.onLink = (wire) => onWire((this.wire = wire));
    const party = (name: string, listen: string[] = []): Party => {
      const { next, bytes } = random.split(name);
      const ports = { clock: this.clock, random: next, entropy: bytes };
      return new Party(new Engine(ports, { transports: [this.network.transport(name)], protocols: [resume(options)], listen }));
    };
    this.far = party('far', ['sim://far:1']);
    this.near = party('near');
    this.clock.settle();
  }

  /** A session with three messages each way, all of them acknowledged. */
  settled(): this {
    this.connect();
    this.talk(3);
    this.until(() => this.isQuiet);
    return this;
  }
  connect(): void {
    void this.near.engine.connect('sim://far:1');
    this.until(() => this.near.connection !== undefined && this.far.connection !== undefined);
  }
  /** Both sides at once. */
  talk(count: number): void {
    this.near.say(count);
    this.far.say(count);
  }
  until(isMet: () => boolean): void {
    this.clock.runUntil(isMet, { withinMs: 120_000 });
  }

  /** All that was said has arrived and is acknowledged. */
  get isQuiet(): boolean {
    const { near, far } = this;
    return [near, far].every((one) => one.connection!.stats()['queuedBytes'] === 0) && near.got.length === far.said;
  }

  /** Closes, and says what was wrong, in words; empty is good. */
  check(closer: Party = this.near): string[] {
    const { near, far, clock } = this;
    this.until(() => this.isQuiet);
    void closer.connection!.close();
    this.until(() => near.story.length === 3 && far.story.length === 3);
    const wrong: string[] = [];
    const check = (what: string, is: unknown, should: unknown): void => {
      if (String(is) !== String(should)) wrong.push(`${what}: ${String(is)}, not ${String(should)}`);
    };
    const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
    check('the dialer got', near.got, upTo(far.said));
    check('the acceptor got', far.got, upTo(near.said));
    for (const one of [near, far]) {
      const end = one === closer ? 'closed' : 'peer-goodbye';
      check(one === near ? 'the dialer' : 'the acceptor', one.story, ['connected', 'disconnected', end]);
    }
    void near.engine.shutdown();
    void far.engine.shutdown();
    clock.advance(120_000);
    check('left behind', clock.pending, 0);
    return wrong;
  }
}
