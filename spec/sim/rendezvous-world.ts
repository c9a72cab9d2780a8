import type { AnyActorRef } from 'xstate';
import { createNode, type NodeOptions, type RendezvousNode } from '../../adapters/rendezvous/index.js';
import type { Signing } from '../../adapters/rendezvous/signing.js';
import { SimClock } from './clock.js';
import { FaultPlan } from './fault-plan.js';
import { SimNetwork } from './network.js';
import type { SimNetworkOptions } from './network.options.js';
import { SeededRandom } from './random.js';
import { pretended, real } from './rendezvous-keys.js';
import { inWords, note, type Report } from './report.js';
import type { Watcher } from './watcher.js';

export interface RendezvousPlan {
  readonly seed: number;
  /** Default: two to ten, by the seed. */
  readonly nodes?: number;
  /** Default: by the seed, one of four has none. */
  readonly isCalm?: boolean;
  readonly traceMax?: number;
  /** The times that nodes have by default, instead of short ones. Default false. */
  readonly hasOwnTimes?: boolean;
  /** Ed25519 instead of what only looks like signatures. Default false. */
  readonly isReal?: boolean;
  readonly watcher?: Watcher | undefined;
}

/** After the last fault every node is connected with every other within this time. */
export const TOGETHER_AGAIN_MS = 10_000;
/** The same where nodes have the times that they have by default: a dead wire alone takes 65 s to be found. */
export const TOGETHER_BY_DEFAULT_MS = 240_000;
const STEPS_MAX = 400_000;

/** One node of the world, which may be born again after a crash. */
class Host {
  node!: RendezvousNode;
  readonly heard = new Map<string, string>(); // By peer: what came last.
  isConnected = false;

  constructor(
    readonly index: number,
    readonly key: Signing,
  ) {}

  get name(): string {
    return `n${this.index}`;
  }
}

/** Two to ten nodes with one or two known contacts among them, one seed. */
export class RendezvousWorld {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly hosts: Host[] = [];
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly outcomes: Record<string, number> = {};
  readonly #isCalm: boolean;
  readonly #options: Omit<NodeOptions, 'key' | 'transports'>;
  #crossings = 0;
  #reborn = 0;
  #alone = 0;
  #togetherMs = 0;

  constructor(readonly plan: RendezvousPlan) {
    const random = (this.random = new SeededRandom(plan.seed));
    this.#isCalm = plan.isCalm ?? random.chance(0.25);
    const network: SimNetworkOptions = {
      boundaries: random.chance(0.7) ? 'stream' : 'message',
      latencyMs: random.pick([[1, 1] as const, [1, 20] as const, [20, 80] as const]),
      dialTimeoutMs: 1000,
    };
    this.network = new SimNetwork(this.clock, random.split('network'), network);
    const count = plan.nodes ?? 2 + random.int(9);
    const contacts = random.chance(0.5) ? ['sim://n0:1', 'sim://n1:1'] : ['sim://n1:1', 'sim://n0:1'];
    this.#options = {
      contacts,
      ...(plan.hasOwnTimes === true ? { limits: { peersWanted: 16 } } : this.#short(random)),
    };
    const keys = random.split('keys');
    for (let index = 0; index < count; index++) this.hosts.push(new Host(index, plan.isReal === true ? real() : pretended(keys)));
    for (const host of this.hosts) this.#spawn(host);
  }

  get #patienceMs(): number {
    return this.plan.hasOwnTimes === true ? TOGETHER_BY_DEFAULT_MS : TOGETHER_AGAIN_MS;
  }

  /** So that a lot happens in a little time. */
  #short(random: SeededRandom): Pick<NodeOptions, 'limits' | 'connection'> {
    return {
      limits: {
        expectationLifeMs: 6000,
        askTimeoutMs: 900,
        awaitTimeoutMs: 1500,
        dialTimeoutMs: 1500,
        unidentifiedTimeoutMs: 1200 + random.int(500),
        repeatFilterMs: 500,
        bootstrapBaseMs: 50,
        bootstrapCapMs: 400,
        refreshMs: 800,
        peersWanted: 16,
      },
      connection: {
        keepaliveIntervalMs: random.pick([300, 1000]),
        probeTimeoutMs: 2500,
        closeGraceMs: 500,
        yieldMs: 800 + random.int(500),
      },
    };
  }

  note(line: string): void {
    note(this.trace, line, this.clock.now(), this.plan.traceMax ?? Number(process.env['TRACE_MAX'] ?? 150));
  }

  async run(): Promise<Report> {
    try {
      await this.#gather();
      await this.#suffer();
      await this.#recover();
      await this.#part();
    } catch (error) {
      this.violations.push(inWords(error));
    }
    return {
      seed: this.plan.seed,
      violations: this.violations,
      trace: this.trace,
      counts: {
        ...this.network.counts,
        ...this.outcomes,
        nodes: this.hosts.length,
        crossings: this.#crossings,
        reborn: this.#reborn,
        alone: this.#alone,
        togetherMs: this.#togetherMs,
        steps: this.clock.steps,
        virtualMs: this.clock.now(),
      },
    };
  }

  /** A node at this host, with the host's key; the one that was there has crashed, if there was one. */
  #spawn(host: Host): void {
    const { name } = host;
    const own = this.random.split(`${name} ${this.#reborn}`);
    const process = this.clock.process();
    const node = createNode({
      ...this.#options,
      key: host.key,
      transports: [this.network.transport(name, { process })],
      listen: [`sim://${name}:1`],
      ports: { clock: process, random: own.next, entropy: this.plan.watcher?.entropy(own.bytes) ?? own.bytes },
    });
    host.node = node;
    if ('actor' in node) this.plan.watcher?.watch(node.actor as AnyActorRef, undefined, name);
    this.plan.watcher?.watch(node.engine.actor, node.engine, name);
    host.isConnected = false;
    node.on((news) => {
      if (host.node !== node) return;
      if (news.type === 'outcome') this.outcomes[news.outcome] = (this.outcomes[news.outcome] ?? 0) + 1;
      else if (news.type === 'peer')
        news.peer.onMessage = (message) => host.heard.set(news.peer.id, Buffer.from(message).toString());
      else if (news.type === 'phase') {
        if (news.phase === 'disconnected') this.#alone++;
        host.isConnected = news.phase === 'connected';
      }
      this.note(`${name} ${news.type} ${news.type === 'phase' ? news.phase : news.type === 'outcome' ? news.outcome : news.type === 'contacts-failed' ? news.reason : this.#nameOf(news.peer.id)}`); // prettier-ignore
    });
    node.engine.on((event) => {
      if (event.type === 'closing') {
        this.note(`${name} closing ${this.#nameOf(event.peer)} ${event.closing.code} ${event.closing.side} ${event.closing.detail?.message ?? ''}`); // prettier-ignore
        if (event.closing.code === 'lost-tie-break' || event.closing.code === 'replaced') this.#crossings++;
      } else if (event.type === 'refused') {
        this.note(`${name} refused ${event.code}`);
        if (event.code === 'crossed') this.#crossings++;
      } else if (event.type === 'state') this.note(`${name} ${this.#nameOf(event.peer)} is ${event.state}`);
    });
    node.start().catch((error: Error) => this.violations.push(`${name} can't start: ${error.message}`));
  }

  #nameOf(id: string): string {
    return this.hosts.find((host) => host.key.id === id)?.name ?? id;
  }

  async #gather(): Promise<void> {
    if (!this.#isCalm && this.random.chance(0.7)) return; // Faults from the beginning.
    await this.#until(() => this.#areTogether(), this.#patienceMs, 'together at first');
  }

  async #suffer(): Promise<void> {
    if (this.#isCalm) return;
    const { random, clock } = this;
    const startMs = clock.now();
    const stopMs = startMs + 500 + random.int(5000);
    const hosts = this.hosts.map(({ name }) => name);
    const weights = { freeze: 2, suspend: 1, refuse: 4, restart: random.pick([0, 1, 3]) };
    const drawn = { hosts, startMs, stopMs, everyMs: [1, 300] as const, weights };
    FaultPlan.drawn(this.network, random.split('faults'), drawn, {
      onFault: (_, line) => this.note(line),
      onRestart: (name, how) => this.#restarted(name, how),
    }).start();
    await this.#until(() => clock.now() >= stopMs);
    if (random.chance(0.2)) this.note(`all wires are cut: ${this.network.cutAll()}`);
    this.note('no more faults');
  }

  #restarted(name: string, how: 'network' | 'crash' | 'power'): void {
    const host = this.hosts.find((each) => each.name === name)!;
    this.#reborn++;
    if (how === 'network') {
      // Its listener is gone with the network; the node itself goes on.
      void host.node.engine.listen(`sim://${name}:1`).catch(() => {});
      return;
    }
    this.#spawn(host);
  }

  async #recover(): Promise<void> {
    const since = this.clock.now();
    await this.#until(() => this.#areTogether(), since + this.#patienceMs, 'together again');
    this.#togetherMs = this.clock.now() - since;
  }

  /** Each pair has one connection: both sides have it, as different ends of it, and hear each other on it. Nothing else is open. */
  #areTogether(): boolean {
    const { hosts } = this;
    if (!hosts.every((host) => host.isConnected && host.node.peers.length === hosts.length - 1)) return false;
    let isTogether = true;
    for (const [i, a] of hosts.entries()) for (const b of hosts.slice(i + 1)) isTogether = this.#agree(a, b) && isTogether;
    return isTogether;
  }

  #agree(a: Host, b: Host): boolean {
    const [near, far] = [a.node.peer(b.key.id), b.node.peer(a.key.id)];
    if (near === undefined || far === undefined || near.connection.role === far.connection.role) return false;
    const links = [...this.network.links].filter((link) => link.isBetween(a.name, b.name) && !link.isCut);
    if (links.length !== 1 || !links[0]!.isOpen) return false;
    // A word each way, of this very link.
    const word = `${links[0]!.serial}`;
    const [heardHere, heardThere] = [a.heard.get(b.key.id), b.heard.get(a.key.id)];
    if (heardHere === word && heardThere === word) return true;
    for (const [host, peer] of [
      [b, near],
      [a, far],
    ] as const)
      // prettier-ignore
      if (host.heard.get((host === b ? a : b).key.id) !== word && !this.#said.has(`${word} ${host.name}`)) {
        this.#said.add(`${word} ${host.name}`);
        peer.write(Buffer.from(word));
      }
    return false;
  }
  readonly #said = new Set<string>();

  async #part(): Promise<void> {
    const { random, clock } = this;
    if (random.chance(0.5)) {
      const [a, b] = random.shuffle(this.hosts) as [Host, Host];
      a.node.peer(b.key.id)?.connection.close().catch(() => {}); // prettier-ignore
    }
    for (const { node } of this.hosts) void node.terminate();
    await this.#until(() => clock.pending === 0, clock.now() + 30_000, 'quiet after the end');
    await new Promise((resolve) => setImmediate(resolve));
    for (const { node, name } of this.hosts) {
      const { connections, wires, openings } = node.engine.metrics();
      const left = { ...node.sizes, connections, wires, openings, links: this.network.links.size, phase: node.phase };
      const none = { expected: 0, pending: 0, routes: 0, timers: 0, connections: 0, wires: 0, openings: 0, links: 0, phase: 'terminated' }; // prettier-ignore
      if (JSON.stringify(left) !== JSON.stringify(none)) this.violations.push(`${name} has left ${JSON.stringify(left)}`);
    }
  }

  async #until(isMet: () => boolean, deadlineMs = Infinity, what = ''): Promise<void> {
    const { clock } = this;
    for (let n = 0; n % 4 !== 0 || !isMet(); n++) {
      if (clock.now() > deadlineMs) throw new Error(`not ${what} in time: ${this.#standing()}`);
      if (clock.steps > STEPS_MAX) throw new Error(`the step limit is reached, not ${what}: ${this.#standing()}`);
      if (!clock.step() && n % 4 === 0 && !isMet()) {
        await new Promise((resolve) => setImmediate(resolve));
        if (!clock.step() && !isMet()) throw new Error(`nothing is left to happen, not ${what}: ${this.#standing()}`);
      }
      for (let turn = 0; turn < 4; turn++) await Promise.resolve(); // What promises hold is told.
    }
  }

  #standing(): string {
    return this.hosts
      .map(({ name, node }) => `${name} ${node.phase} with ${node.peers.map(({ id }) => this.#nameOf(id)).join(' ') || 'nobody'}`)
      .join('; ');
  }
}

export function runRendezvousWorld(plan: RendezvousPlan): Promise<Report> {
  return new RendezvousWorld(plan).run();
}
