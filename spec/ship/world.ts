import { API_STATES } from '../../machines/connection/api-state.js';
import { Hub, memoryTrust, type HubReader, type RemoteService, type ShipPayload } from '../../adapters/ship/index.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { TieRule } from '../../machines/tie-break.js';
import type { Transport } from '../../machines/ports.js';
import { Alternating, NothingLeft, violationsOf, type Check } from '../sim/checks.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { SeededRandom } from '../sim/random.js';
import type { Watcher } from '../sim/watcher.js';
import { Board } from './nodes.js';

/** What a seed decides before anything happens. */
export interface Plot {
  readonly rule: TieRule;
  /** How the two came to trust each other. */
  readonly pairing: 'both-know' | 'user-accepts' | 'auto-accept';
  /** Who finds whom. */
  readonly dials: 'a' | 'b' | 'both';
  /** For how long the network is cruel. */
  readonly faultsMs: number;
}

export interface ShipReport {
  readonly seed: number;
  readonly plot: Plot;
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly trace: readonly string[];
}

const TRACE_MAX = 60;
/** A wire that died unheard is noticed by the missing pong (60 s); two bands and a handshake come on top. */
const PEACE_MS = 120_000;
const A_SKI = '5'.repeat(40);

/** Each connection's messages arrive in order, without a gap, and are those of one connection over there. */
class InOrder implements Check {
  readonly name = 'in order on each connection';
  readonly #wrong: string[] = [];
  received = 0;

  /** A place to receive at. */
  connection(who: string): (payload: ShipPayload) => void {
    let next = 0;
    let theirs: unknown;
    return (payload) => {
      const { of, n } = (payload as { datagram: { of: string; n: number } }).datagram;
      theirs ??= of;
      if (of !== theirs || n !== next) this.#wrong.push(`${who} got ${of} ${n} instead of ${String(theirs)} ${next}`);
      next = n + 1;
      this.received++;
    };
  }
  violations(): string[] {
    return this.#wrong.slice(0, 10);
  }
}

/** From a dial or a knock to the end the API's states only rise. */
class Rising implements Check {
  readonly name = 'states rise within a handshake';
  readonly #wrong: string[] = [];
  readonly #last = new Map<string, number>();

  state(who: string, state: number): void {
    const last = this.#last.get(who) ?? 0;
    const isFresh = STARTS.has(last) || STARTS.has(state) || ENDS.has(last);
    if (!isFresh && !ENDS.has(state) && state <= last) this.#wrong.push(`${who}: ${state} after ${last}`);
    this.#last.set(who, state);
  }
  violations(): string[] {
    return this.#wrong.slice(0, 10);
  }
}
const STARTS: ReadonlySet<number> = new Set([API_STATES.none, API_STATES.queued]);
const ENDS: ReadonlySet<number> = new Set([API_STATES.remoteDeniedTrust, API_STATES.error]);

/** Two SHIP hubs on a cruel network, one seed, one schedule. */
export class ShipWorld {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly plot: Plot;
  readonly hubs: readonly [Hub, Hub];
  readonly boards = [new Board(), new Board()] as const;
  readonly #balanced = new Alternating();
  readonly #inOrder = new InOrder();
  readonly #rising = new Rising();
  readonly #nothingLeft = new NothingLeft();
  readonly #wrong: string[] = [];
  readonly #trace: string[] = [];
  #connects = 0;
  #faults = 0;
  #isCruel = true;
  #isOver = false;

  constructor(
    readonly seed: number,
    watcher?: Watcher,
  ) {
    const random = (this.random = new SeededRandom(seed));
    this.network = new SimNetwork(this.clock, random, { boundaries: 'message', pack: false });
    this.plot = {
      rule: random.pick(['initiator', 'mostRecent']),
      pairing: random.pick(['both-know', 'user-accepts', 'auto-accept']),
      dials: random.pick(['a', 'b', 'both', 'both']),
      faultsMs: random.chance(0.2) ? 0 : random.int(180_000),
    };
    const skis = [A_SKI, (random.chance(0.5) ? '1' : '9').repeat(40)];
    this.hubs = [this.#hub(0, skis), this.#hub(1, skis)];
    for (const { engine, ski } of this.hubs) watcher?.watch(engine.actor, engine, ski.slice(0, 4));
  }

  async run(): Promise<ShipReport> {
    const { clock, hubs, plot } = this;
    const started = Promise.all(hubs.map((hub) => hub.start()));
    clock.advance(1);
    await started;
    const skis = hubs.map(({ ski }) => ski);
    if (plot.dials !== 'b') this.boards[0].services = [serviceOf('b', skis[1]!)];
    if (plot.dials !== 'a') this.boards[1].services = [serviceOf('a', skis[0]!)];
    if (plot.pairing === 'both-know') hubs.forEach((hub, i) => hub.registerRemoteService(skis[1 - i]!));
    else
      hubs.forEach((hub, i) =>
        plot.dials === 'both' || plot.dials === 'ab'[i] ? hub.registerRemoteService(skis[1 - i]!) : undefined,
      );
    clock.setTimeout(() => this.#cruelty(), this.random.int(4000));
    clock.advance(plot.faultsMs);
    this.#isCruel = false;
    clock.advance(PEACE_MS);
    this.#checkConnections();
    this.#isOver = true;
    const ended = Promise.all(hubs.map((hub) => hub.shutdown()));
    await Promise.resolve(); // Discoveries are closed first.
    clock.advance(15_000);
    await ended;
    this.#nothingLeft.check({
      clock,
      network: this.network,
      counts: { connections: hubs[0].getConnectionCount() + hubs[1].getConnectionCount() },
    });
    this.#balanced.complete();
    const checks = [this.#balanced, this.#inOrder, this.#rising, this.#nothingLeft];
    return {
      seed: this.seed,
      plot,
      violations: [...this.#wrong, ...violationsOf(checks)],
      counts: {
        connects: this.#connects,
        messages: this.#inOrder.received,
        faults: this.#faults,
        dials: this.network.counts.dials,
      },
      trace: this.#trace,
    };
  }

  /** In peace there is one connection, over one wire, and both sides mean the same. */
  #checkConnections(): void {
    const [a, b] = this.hubs;
    const states = [a.getConnectionState(b.ski), b.getConnectionState(a.ski)];
    if (states.some((state) => state !== API_STATES.completed))
      this.#wrong.push(`at the end the states are ${states.join(' and ')}`);
    const wires = this.hubs.map((hub) => hub.engine.metrics().wires);
    if (wires.some((count) => count !== 1)) this.#wrong.push(`at the end there are ${wires.join(' and ')} wires`);
    const before = this.#inOrder.received;
    this.clock.advance(2000);
    if (this.#inOrder.received < before + 4) this.#wrong.push('at the end no data flows');
  }

  #hub(side: 0 | 1, skis: readonly string[]): Hub {
    const name = 'ab'[side]!;
    const { clock, random, network, plot } = this;
    const identity = { fingerprint: String(side + 1).repeat(64), ski: skis[side]! };
    let nth = 0;
    const reader: HubReader = {
      serviceConnectionStateChanged: (_, state) => {
        this.#note(`${name} ${state}`);
        this.#rising.state(name, state);
        if (state !== API_STATES.receivedPairingRequest || plot.pairing !== 'user-accepts') return;
        clock.setTimeout(() => this.hubs[side].registerRemoteService(skis[1 - side]!), random.int(80_000));
      },
      remoteSKIConnected: () => {
        this.#connects++;
        this.#note(`${name} connected`);
        this.#balanced.connected(name);
      },
      remoteSKIDisconnected: (_, closing) => {
        this.#note(`${name} disconnected ${closing.code}`);
        this.#balanced.disconnected(name);
      },
      setupRemoteDevice: (_, connection) => {
        this.#chat(`${name}${++nth}`, connection);
        return this.#inOrder.connection(`${name}${nth}`);
      },
      allowWaitingForTrust: () => true,
    };
    return new Hub(
      {
        ski: skis[side]!,
        shipId: `id-${name}`,
        transports: [asWebSocket(network.transport(name, { identity }))],
        listen: [`wss://${name}:1/ship/`],
        discovery: this.boards[side],
        trust: memoryTrust(),
        autoAccept: plot.pairing === 'auto-accept',
        doubleConnection: plot.rule,
        ports: { clock, random: random.next, entropy: random.bytes },
      },
      reader,
    );
  }

  /** Says something now and then as long as the connection takes it. */
  #chat(of: string, connection: Connection<ShipPayload>): void {
    let n = 0;
    let isOver = false;
    void connection.closed.then(() => (isOver = true));
    const say = (): void => {
      if (isOver || this.#isOver) return;
      try {
        connection.write({ datagram: { of, n, text: 'x'.repeat(this.random.int(2000)) } });
        n++;
      } catch (error) {
        if ((error as { code?: string }).code !== 'closed') throw error;
        return;
      }
      this.clock.setTimeout(say, 50 + this.random.int(700));
    };
    say();
  }

  /** One misfortune after the other. */
  #cruelty(): void {
    if (!this.#isCruel) return;
    const { network, random, clock } = this;
    this.#faults++;
    const lasting = (end: () => void): void => void clock.setTimeout(end, random.int(random.chance(0.2) ? 90_000 : 5000));
    const fault = random.pick([
      'cut',
      'cut',
      'cut',
      'silence',
      'partition',
      'told',
      'refuse',
      'restart',
      'close',
      'both-cut-dial',
    ]);
    this.#note(`fault ${fault}`);
    switch (fault) {
      case 'cut':
        network.cutBetween('a', 'b', random.pick(['both', 'near', 'far', 'silent']));
        break;
      case 'silence':
        lasting(random.chance(0.5) ? network.silence('a', 'b') : network.silence('b', 'a'));
        break;
      case 'partition':
      case 'told':
        lasting(network.partition(['a'], ['b'], fault === 'told' ? 'told' : 'silent'));
        break;
      case 'refuse':
        network.refuse(random.pick(['a', 'b']), random.int(20_000));
        break;
      case 'close':
        void random.pick(this.hubs).disconnectAllSKIs();
        break;
      default:
        network.cutBetween('a', 'b');
    }
    clock.setTimeout(() => this.#cruelty(), random.int(20_000));
  }

  #note(what: string): void {
    this.#trace.push(`${Math.round(this.clock.now())} ${what}`);
    if (this.#trace.length > TRACE_MAX) this.#trace.shift();
  }
}

/** An entry of discovery: this host, by its name. */
export function serviceOf(host: string, ski: string): RemoteService {
  return { ski, host, addresses: [], port: 1, isRegistering: false, isVisible: true };
}

/** A simulated wire under the address that SHIP has. */
export function asWebSocket(transport: Transport): Transport {
  const simulated = (address: string): string => address.replace(/^wss:\/\/([^/]+)\/.*$/, 'sim://$1');
  return {
    ...transport,
    schemes: ['wss'],
    dial: (address, options) => transport.dial(simulated(address), options),
    listen: (address, acceptor) => transport.listen(simulated(address), acceptor),
  };
}
