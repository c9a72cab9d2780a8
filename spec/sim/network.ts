import { checkOptionNames } from '../../machines/arguments.js';
import type { Acceptor, DialOptions, Identity, Listening, Transport, WireHandler } from '../../machines/ports.js';
import type { SimClock } from './clock.js';
import type { SimEnd } from './end.js';
import { RESET } from './end-state.js';
import { SimHost, type Route } from './host.js';
import { SimLink, type CutMode, type CutOptions } from './link.js';
import { CRUEL, SimCounts, type SimNetworkOptions, type SimSettings } from './network.options.js';
import { SimOffer } from './offer.js';
import type { SimProcess } from './process.js';
import type { SeededRandom } from './random.js';
import { hostAndPortOf } from './sim-address.js';

export interface SimHostOptions {
  /** What the peers of this host see, and what `DialOptions.fingerprints` is compared with. */
  readonly identity?: Identity;
  /** The clock of what runs there; while it is stopped nothing is delivered. */
  readonly process?: SimProcess;
}

export type SimNote = 'open' | 'drain' | 'bytes' | 'close' | 'offer';

/**
 * Hosts joined by wires that delay, chop, merge, fill up and die in every way a real network knows. Seeded: the same seed
 * and the same calls make the same trace. It obeys the strict contract of a transport: every call to a handler is a step
 * of the clock, and none is made from inside a call of the handler's owner.
 */
export class SimNetwork {
  readonly settings: SimSettings;
  readonly counts = new SimCounts();
  /** Wires and attempts of which at least one end has not been told that they are over. */
  readonly links = new Set<SimLink>();
  /** Called for each dial before it leaves: the place to silence, delay or cut what does not exist yet. */
  onLink: ((link: SimLink) => void) | undefined;
  /** Hears what handlers hear, before they do; for the last lines before a failure. */
  observer: ((note: SimNote, end: SimEnd, bytes: number) => void) | undefined;
  readonly #hosts = new Map<string, SimHost>();
  #serial = 0;
  #hash = 0x811c9dc5;

  constructor(
    readonly clock: SimClock,
    readonly random: SeededRandom,
    options: SimNetworkOptions = {},
  ) {
    checkOptionNames('SimNetwork', options, ...Object.keys(CRUEL));
    this.settings = { ...CRUEL, ...options };
  }

  /** The host of this name, made on first use. */
  host(name: string): SimHost {
    const host = this.#at(name);
    host.isKnown = true;
    return host;
  }

  #at(name: string): SimHost {
    let host = this.#hosts.get(name);
    if (host === undefined) this.#hosts.set(name, (host = new SimHost(name)));
    return host;
  }

  /** How one host reaches the others, by `sim://host:port`, and is reached. Dead after a crash of the host. */
  transport(hostName: string, { identity, process }: SimHostOptions = {}): Transport {
    const host = this.host(hostName);
    if (identity !== undefined) host.identity = identity;
    if (process !== undefined) host.process = process;
    const { life } = host;
    return {
      name: 'sim',
      schemes: ['sim'],
      boundaries: this.settings.boundaries,
      secure: this.settings.secure,
      dial: (address, options) => {
        const [name, port] = hostAndPortOf(address, 1);
        return (handler) => (host.life === life ? this.#dial(host, name, port, options, handler) : () => {});
      },
      listen: (address, acceptor) => {
        const [name, port] = hostAndPortOf(address, 0);
        return this.#listen(host, name, port, acceptor);
      },
    };
  }

  /** Ends that have not been told `onClose`. */
  get ends(): number {
    let count = 0;
    for (const { near, far } of this.links) count += (near.handler ? 1 : 0) + (far.handler ? 1 : 0);
    return count;
  }

  /** A word for all that has been delivered so far, by whom and when; two runs of one seed have the same. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  // Faults. Those that last give a function that ends them.

  /** Cuts every wire and attempt. Returns how many there were. */
  cutAll(mode: CutMode = 'both', options?: CutOptions): number {
    let count = 0;
    for (const link of this.links) count += link.cut(mode, options) ? 1 : 0;
    return count;
  }

  /** Cuts the wires between two hosts, whoever dialed. */
  cutBetween(a: string, b: string, mode: CutMode = 'both', options?: CutOptions): number {
    let count = 0;
    for (const link of this.links) if (link.isBetween(a, b)) count += link.cut(mode, options) ? 1 : 0;
    return count;
  }

  /** A black hole in one direction: nothing arrives, nobody is told. What was held back arrives after the end of it. */
  silence(from: string, to: string): () => void {
    return this.#hold([[this.host(from), this.host(to)]], 'silences');
  }

  /** Two groups that can't reach each other: silently, or with wires cut and dials answered by `unreachable`. */
  partition(groupA: readonly string[], groupB: readonly string[], how: 'silent' | 'told' = 'silent'): () => void {
    const pairs: [SimHost, SimHost][] = [];
    for (const a of groupA) for (const b of groupB) pairs.push([this.host(a), this.host(b)], [this.host(b), this.host(a)]);
    if (how === 'told') for (const a of groupA) for (const b of groupB) this.cutBetween(a, b);
    return this.#hold(pairs, how === 'silent' ? 'silences' : 'closures');
  }

  /** Everything is silent: all hosts that exist by now. */
  dark(): () => void {
    const names = [...this.#hosts.keys()];
    return this.partition(names, names);
  }

  /** Dials to this host are refused for so long. */
  refuse(hostName: string, forMs: number): void {
    this.host(hostName).refusingUntilMs = this.clock.now() + forMs;
  }

  /** Replaces the delay of one direction; `undefined` brings the network's own back. */
  setLatency(from: string, to: string, latencyMs: readonly [min: number, max: number] | undefined): void {
    this.host(from).routeTo(this.host(to)).latencyMs = latencyMs;
  }

  /**
   * The host's network comes up anew: wires are reset, nobody listens. `crash`: so does its process, so that nothing that
   * lived there hears of it or acts again; `power`: moreover nobody tells its peers. Whoever lives there afterwards asks for
   * a `transport()` and a process of its own.
   */
  restart(hostName: string, how: 'network' | 'crash' | 'power' = 'network'): void {
    const host = this.host(hostName);
    const nowMs = this.clock.now();
    this.counts.restarts++;
    for (const link of [...this.links]) {
      for (const end of [link.near, link.far]) {
        if (end.host !== host) continue;
        if (how !== 'power' && !link.isCut) end.peer.farewell(RESET, nowMs + this.latencyMs(host, end.remote));
        link.answersReset = how === 'power';
        link.isCut = true;
        if (how === 'network') end.breakAt(nowMs, RESET);
        else end.vanish();
      }
    }
    for (const acceptor of host.listeners.values()) {
      if (how === 'network') this.clock.soon(() => acceptor.onFailed({ kind: 'reset', code: 'ENETDOWN' }));
    }
    host.listeners.clear();
    if (how === 'network') return;
    host.life++;
    host.process?.kill();
    host.process = undefined;
  }

  // What links and ends ask of it.

  /** A delay for what leaves now; in quarters of a millisecond, so that things sometimes happen at the same moment. */
  latencyMs(from: SimHost, to: SimHost): number {
    return this.#drawMs(from.routeTo(to).latencyMs ?? this.settings.latencyMs);
  }

  #drawMs([min, max]: readonly [min: number, max: number]): number {
    return min === max ? min : min + this.random.int((max - min) * 4 + 1) / 4;
  }

  /** A dial has arrived at the other host. */
  dialIn(link: SimLink): void {
    const { near, far, fingerprints, port } = link;
    const { host } = far;
    const nowMs = this.clock.now();
    near.phase = 'waiting';
    near.atMs = Infinity;
    if (link.isCut) return near.schedule(); // Nobody answers.
    const backMs = nowMs + this.latencyMs(host, near.host);
    if (!host.isKnown) {
      this.counts.unresolved++;
      return near.farewell({ kind: 'resolve-failed', code: 'ENOTFOUND' }, backMs);
    }
    if (near.host.routeTo(host).closures > 0) {
      this.counts.unreachable++;
      return near.farewell({ kind: 'unreachable', code: 'EHOSTUNREACH' }, backMs);
    }
    if (host.listeners.get(port) === undefined || nowMs < host.refusingUntilMs) {
      this.counts.refused++;
      return near.farewell({ kind: 'refused', code: 'ECONNREFUSED' }, backMs);
    }
    if (fingerprints !== undefined && !fingerprints.includes(host.identity?.fingerprint ?? '')) {
      this.counts.mismatched++;
      return near.farewell({ kind: 'identity-mismatch' }, backMs);
    }
    far.phase = 'knocking';
    far.atMs = nowMs;
    far.schedule();
    if (this.settings.boundaries === 'message' || !this.random.chance(this.settings.opensEarly)) return near.schedule();
    this.counts.openedEarly++;
    near.atMs = backMs;
    near.schedule();
  }

  offer(link: SimLink): void {
    const { near, far } = link;
    const acceptor = far.host.listeners.get(link.port);
    far.phase = 'offered';
    if (acceptor === undefined) {
      far.vanish();
      return near.farewell(RESET, this.clock.now() + this.latencyMs(far.host, near.host));
    }
    this.counts.offers++;
    this.note('offer', far, 0);
    acceptor.onOffer(new SimOffer(this, link));
  }

  note(note: SimNote, end: SimEnd, bytes: number): void {
    let h = this.#hash ^ (end.link.serial * 2 + (end.side === 'near' ? 0 : 1));
    h = Math.imul(h, 0x01000193) ^ (this.clock.now() * 4);
    h = Math.imul(h, 0x01000193) ^ (note.charCodeAt(0) + (bytes << 8));
    this.#hash = Math.imul(h, 0x01000193);
    this.observer?.(note, end, bytes);
  }

  #dial(from: SimHost, name: string, port: number, options: DialOptions | undefined, handler: WireHandler): () => void {
    this.counts.dials++;
    const to = this.#at(name);
    const link = new SimLink(this, ++this.#serial, from, to, port, options?.fingerprints);
    const { near } = link;
    const nowMs = this.clock.now();
    near.handler = handler;
    near.atMs = nowMs + this.latencyMs(from, to);
    near.deadlineMs = nowMs + this.settings.dialTimeoutMs;
    this.links.add(link);
    this.onLink?.(link);
    near.schedule();
    return () => near.destroy();
  }

  #listen(host: SimHost, name: string, port: number, acceptor: Acceptor): Listening {
    const { clock } = this;
    const { life } = host;
    const bound = port === 0 ? host.nextPort() : port;
    let isOpen = true;
    clock.soon(() => {
      if (!isOpen || host.life !== life) return;
      if (name !== host.name && name !== '*') return acceptor.onFailed({ kind: 'refused', code: 'EADDRNOTAVAIL' });
      if (host.listeners.has(bound)) return acceptor.onFailed({ kind: 'refused', code: 'EADDRINUSE' });
      host.listeners.set(bound, acceptor);
      acceptor.onListening(`sim://${host.name}:${bound}`);
    });
    return {
      close: (done) => {
        isOpen = false;
        if (host.listeners.get(bound) === acceptor) host.listeners.delete(bound);
        if (done !== undefined) clock.soon(done);
      },
    };
  }

  #hold(pairs: readonly (readonly [SimHost, SimHost])[], what: 'silences' | 'closures'): () => void {
    const routes = new Set<Route>(pairs.map(([from, to]) => from.routeTo(to)));
    for (const route of routes) route[what]++;
    this.counts.silences++;
    this.#reconsider();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const resumeAtMs = this.clock.now() + this.#drawMs(this.settings.latencyMs);
      for (const route of routes) {
        route[what]--;
        route.resumeAtMs = resumeAtMs;
      }
      this.#reconsider();
    };
  }

  #reconsider(): void {
    for (const { near, far } of this.links) {
      near.schedule();
      far.schedule();
    }
  }
}
