import type { Pump, SignalListener } from './dataplane/pump.js';
import type { WireEnd } from './dataplane/wire-end.js';
import type { DialPermits } from './dial-permits.js';
import type { Opener, Wire } from './ports.js';

/** The pump over one protocol's plane, as its chart sees it. */
export type PumpOver<Plane, Message, Signal> = Pump<Message, Signal> & { readonly plane: Plane };

/** The part of a pump that a handle needs, for any type of messages and signals. */
export interface AnyPump {
  readonly plane: unknown;
  bind(chart: SignalListener<never>): void;
  attach(end: WireEnd, wire: Wire): void;
  dismiss(link: number): void;
  flush(): void;
  gather(): void;
  stop(how?: 'polite' | 'hard'): void;
}

/** The connection that a session is of. */
export interface SessionOwner {
  /** The hub's permits to dial. */
  readonly requestPermit: DialPermits;
  /** The peer is known: `peer.identified` says so to the connection's chart, and whether there is another connection to it. */
  identify(peer: string): void;
  /** Monotonic milliseconds. */
  now(): number;
}

/** One of the wires that a session has: what opens the next one, and how long the last one carried the session. */
class LinkState {
  #opener: Opener | undefined;
  #completed: (() => void) | undefined;
  #openedAt = -1; // While there is no wire.
  #livedMs = 0;

  keep(opener: Opener | undefined, completed: (() => void) | undefined): void {
    this.#opener = opener;
    this.#completed = completed;
  }
  take(): Opener | undefined {
    const opener = this.#opener;
    this.#opener = undefined;
    return opener;
  }
  get isCompleted(): (() => void) | undefined {
    return this.#completed;
  }
  began(now: number): void {
    this.#openedAt = now;
  }
  ceased(now: number): void {
    this.#livedMs = this.#openedAt < 0 ? 0 : now - this.#openedAt;
    this.#openedAt = -1;
  }
  get lastedMs(): number {
    return this.#livedMs;
  }
}

/**
 * The capabilities of a session's chart: move bytes, open wires, ask for a permit to dial. A chart keeps it in its context, and its actions and
 * services use it; guards and assignments do not, so that a chart's next state depends on its context and on the event alone.
 * Everything it holds is private: serializers find its name and nothing else.
 */
export class SessionHandle<P extends AnyPump = AnyPump> extends LinkState {
  readonly #pump: P;
  readonly #owner: SessionOwner;
  readonly #named: { readonly id: string };
  #links: LinkState[] | undefined; // Those above 0; most sessions have one link.

  /** `opener` opens the first wire; `named` says what the session is called. */
  constructor(pump: P, owner: SessionOwner, named: { readonly id: string }, opener: Opener | undefined) {
    super();
    this.#pump = pump;
    this.#owner = owner;
    this.#named = named;
    this.keep(opener, undefined);
  }

  /** The session's id: all that a snapshot says of it. */
  toJSON(): string {
    return this.#named.id;
  }

  get plane(): P['plane'] {
    return this.#pump.plane;
  }
  /** Monotonic milliseconds, for actions and delays. */
  now(): number {
    return this.#owner.now();
  }

  /** The peer is known: the connection gets `peer.identified` before this returns. */
  identify(peer: string): void {
    this.#owner.identify(peer);
  }

  // The pump.

  /** The chart that the plane's signals go to. */
  bind(chart: SignalListener<never>): void {
    this.#pump.bind(chart);
  }
  flush(): void {
    this.#pump.flush();
  }
  gather(): void {
    this.#pump.gather();
  }
  stop(how: 'polite' | 'hard'): void {
    this.#pump.stop(how);
  }

  // Its wires, by link.

  /** The opener of this link's next wire. */
  offer(opener: Opener, link = 0): void {
    this.#link(link).keep(opener, undefined);
  }
  /** For the wire service: what opens the wire, which it then has. The session's first wire is the first link's that opens one. */
  takeOpener(link: number): Opener | undefined {
    return this.#link(link).take() ?? this.take();
  }
  /** For the wire service: the wire is open. */
  attach(end: WireEnd, wire: Wire): void {
    this.#link(end.link).began(this.now());
    this.#pump.attach(end, wire);
  }
  /** Closes the wire of this link, behind what was said on it last. */
  dismiss(link: number): void {
    this.#pump.dismiss(link);
  }
  /** For the wire service: the wire, or the attempt at one, is over. */
  detached(link: number): void {
    this.#link(link).ceased(this.now());
  }

  /**
   * Asks for a permit to dial; the hub answers when backoff, budget and slots allow. The opener is kept here until the chart
   * opens one. The result withdraws the request.
   */
  requestDial(
    { link, address }: { readonly link?: number | undefined; readonly address?: string | undefined },
    permitted: () => void,
    exhausted: () => void,
  ): () => void {
    const state = this.#link(link ?? 0);
    return this.#owner.requestPermit({
      livedMs: state.lastedMs,
      link: link === undefined ? undefined : { index: link, address },
      permitted: (opener, completed) => {
        state.keep(opener, completed);
        permitted();
      },
      exhausted,
    });
  }
  /** The handshake on this link's wire is done: its attempts are no longer counted in a row. */
  completeDial(link: number): void {
    this.#link(link).isCompleted?.();
  }

  #link(link: number): LinkState {
    if (link === 0) return this;
    const links = (this.#links ??= []);
    return (links[link] ??= new LinkState());
  }
}
