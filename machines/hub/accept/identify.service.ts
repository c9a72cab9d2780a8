import type { Clock, Identity, Offer, Opener, Wire, WireCause, WireHandler } from '../../ports.js';
import type { Identified, Protocol } from '../../protocol.js';
import type { AcceptedWire, WireTracker } from '../wire-tracker.js';
import { PendingTable } from './opening-limits.js';

export interface AcceptLimits {
  /** Openings at once; beyond it the oldest gives way. Default 1024. */
  readonly openingsMax: number;
  /** Openings at once from one address other than loopback. Default 16. */
  readonly openingsPerAddressMax: number;
}

export type Known = Extract<Identified, { word: 'known' }>;

/** Follows a wire that has found its session and waits for it. */
export interface WaitingWire {
  /** It has said something. */
  said(): void;
  closed(): void;
}

/** The hub, as accepting needs it. */
export interface AcceptSide {
  readonly clock: Clock;
  readonly wires: Pick<WireTracker, 'accept'>;
  /** A wire has said which session or peer it is for. */
  identified(wire: IdentifiedWire): void;
  refused(remoteAddress: string, code: string): void;
  /** Whether a session from this address waits for its peer. */
  isAwaited(remoteAddress: string): boolean;
}

/** An accepted wire that has said which session or peer it is for. It travels in an event, and shows no more than its address. */
export class IdentifiedWire {
  readonly #protocol: Protocol<unknown>;
  readonly #known: Known;
  readonly #identity: Identity | undefined;
  readonly #pending: PendingConnection;

  constructor(protocol: Protocol<unknown>, known: Known, identity: Identity | undefined, pending: PendingConnection) {
    this.#protocol = protocol;
    this.#known = known;
    this.#identity = identity;
    this.#pending = pending;
  }

  get protocol(): Protocol<unknown> {
    return this.#protocol;
  }
  get known(): Known {
    return this.#known;
  }
  /** The identity that the transport has proven. */
  get identity(): Identity | undefined {
    return this.#identity;
  }
  get remoteAddress(): string {
    return this.#pending.remoteAddress;
  }
  /** Gives the wire to a session, with everything that it has said so far. */
  get opener(): Opener {
    return (handler) => this.#pending.handOver(handler);
  }
  /** As long as it waits for a session. */
  watch(waiting: WaitingWire): void {
    this.#pending.watch(waiting);
  }
  /** Says `words`, if there are any, and closes it. */
  refuse(words: Uint8Array | undefined): void {
    this.#pending.refuse(words);
  }
  /** Ends it without a word. */
  drop(): void {
    this.#pending.giveWay();
  }

  toJSON(): object {
    return { protocol: this.#protocol.name, remoteAddress: this.remoteAddress };
  }
}

/**
 * Owns every accepted wire until it is identified; then the session gets an opener for it and everything it said,
 * the opening included. A thousand silent dialers cost a thousand pending connections here and nothing else.
 */
export class PendingAccepts {
  #openings: PendingTable<PendingConnection>;
  #all = new Set<PendingConnection>();

  constructor(
    readonly side: AcceptSide,
    limits: AcceptLimits,
  ) {
    this.#openings = new PendingTable(limits);
  }

  get size(): number {
    return this.#openings.size;
  }

  accept(offer: Offer, protocols: readonly Protocol<unknown>[], listener?: string): void {
    const opening = new PendingConnection(this, offer, protocols, listener);
    const admission = this.#openings.enter(opening, offer.remoteAddress, this.side.isAwaited(offer.remoteAddress));
    this.#all.add(opening);
    if (admission.word === 'evict-oldest') admission.oldest.giveUp();
    opening.begin(offer.open);
  }

  /** No wire is accepted any more. */
  clear(): void {
    for (const opening of [...this.#all]) opening.giveWay();
  }

  leave(opening: PendingConnection): void {
    this.#all.delete(opening);
    this.#openings.leave(opening);
  }
}

const NOTHING = new Uint8Array(0);
/** Bytes that a wire may send before its session takes it. */
const LATER_BYTES_MAX = 1 << 20;
/** How long a refused wire may take to read the reason. */
const REFUSAL_MS = 1000;

/** State that is of no more use once a session has the wire. */
interface Unidentified {
  readonly listener: string | undefined;
  protocols: readonly Protocol<unknown>[];
  /** The function that reads the rest, once a protocol has asked back. */
  identify: Protocol['identify'] | undefined;
  bytes: Uint8Array;
  /** Once it has found its session: what came before that could take it, message by message. */
  later: Uint8Array[] | undefined;
  laterBytes: number;
  waiting: WaitingWire | undefined;
  abort: (() => void) | undefined;
  timer: unknown;
}

/** One accepted wire until it is a session's: then the wire is handed over, and nothing of this is left in its way. */
class PendingConnection implements WireHandler {
  readonly remoteAddress: string;
  readonly #accepted: AcceptedWire;
  #begun: Unidentified | undefined; // Until it is a session's.
  #wire: Wire | undefined;
  #isPromised = false; // To a session, which gets it once this turn is over.
  #isOver = false;
  #cause: WireCause | undefined;

  constructor(
    readonly table: PendingAccepts,
    { remoteAddress }: Offer,
    protocols: readonly Protocol<unknown>[],
    listener: string | undefined,
  ) {
    this.remoteAddress = remoteAddress;
    this.#accepted = table.side.wires.accept(this);
    this.#begun = {
      listener,
      protocols,
      identify: undefined,
      bytes: NOTHING,
      later: undefined,
      laterBytes: 0,
      waiting: undefined,
      abort: undefined,
      timer: undefined,
    };
  }

  begin(open: Opener): void {
    const begun = this.#begun!;
    const timeoutMs = Math.max(...begun.protocols.map((p) => p.openingTimeoutMs));
    begun.timer = this.table.side.clock.setTimeout(() => this.giveUp(), timeoutMs);
    begun.abort = this.#accepted.open(open);
  }

  /** It has said nothing of use for too long. */
  giveUp(): void {
    for (const protocol of this.#begun?.protocols ?? []) protocol.silent?.(this.remoteAddress);
    this.giveWay();
  }

  giveWay(): void {
    this.#settle();
    if (this.#wire !== undefined) this.#wire.destroy();
    else this.#begun?.abort?.();
  }

  onOpen(wire: Wire): void {
    this.#wire = wire;
    if (this.#isOver) return wire.destroy();
    // Where only one protocol is spoken, it may know whose wire this is before a byte was said.
    if (this.#begun?.protocols.length === 1) this.#identify(this.#begun);
  }

  onBytes(bytes: Uint8Array): void {
    const begun = this.#begun;
    if (begun === undefined || (this.#isOver && !this.#isPromised)) return;
    const isLent = this.#wire?.lends === true;
    if (begun.later !== undefined) return this.#keep(begun, begun.later, isLent ? new Uint8Array(bytes) : bytes);
    begun.bytes = joined(begun.bytes, bytes, isLent);
    this.#identify(begun);
  }

  onDrain(): void {
    // Nothing is held back here.
  }

  onProbeAnswer(): void {
    // Nothing is asked here.
  }

  onClose(cause: WireCause): void {
    this.#cause = cause;
    this.#settle();
    if (!this.#isPromised) this.#begun?.waiting?.closed();
  }

  #identify(begun: Unidentified): void {
    const { listener, protocols, bytes } = begun;
    const { remoteAddress } = this;
    const { side } = this.table;
    const identity = this.#wire?.identity;
    const about = { identity, remoteAddress, listener };
    let mayBe = false;
    for (const protocol of protocols) {
      const identified = begun.identify === undefined ? protocol.identify(bytes, about) : begun.identify(bytes, about);
      switch (identified.word) {
        case 'foreign':
          break;
        case 'more':
          mayBe ||= bytes.length < protocol.openingBytesMax;
          break;
        case 'asks':
          begun.protocols = [protocol]; // The wire belongs to no other protocol.
          begun.identify = identified.then;
          this.#wire?.send(identified.say);
          return this.#identify(begun); // Its next bytes may be here already.
        case 'refuse':
          side.refused(remoteAddress, identified.code);
          return this.refuse(identified.say);
        case 'known':
          begun.later = [];
          return side.identified(new IdentifiedWire(protocol, identified, identity, this));
      }
    }
    if (mayBe) return;
    side.refused(remoteAddress, 'malformed');
    this.refuse(undefined);
  }

  /** It has found its session, which can't take it yet. */
  #keep(begun: Unidentified, later: Uint8Array[], bytes: Uint8Array): void {
    begun.laterBytes += bytes.length;
    if (begun.laterBytes > LATER_BYTES_MAX) return this.giveWay();
    later.push(bytes);
    if (!this.#isPromised) begun.waiting?.said();
  }

  /** The session's opener: the wire is its own from here on, and what was said so far is said again, to it. */
  handOver(session: WireHandler): () => void {
    this.#isPromised = true;
    this.#settle();
    this.table.side.clock.soon(() => {
      if (this.#cause !== undefined) return session.onClose(this.#cause);
      const { bytes = NOTHING, later = [] } = this.#begun ?? {};
      this.#begun = undefined;
      this.#accepted.handOver(session);
      session.onOpen(this.#wire!);
      if (bytes.length > 0) session.onBytes(bytes);
      for (const piece of later) session.onBytes(piece);
    });
    return () => this.#wire?.destroy();
  }

  watch(waiting: WaitingWire): void {
    if (this.#begun !== undefined) this.#begun.waiting = waiting;
  }

  refuse(say: Uint8Array | undefined): void {
    this.#settle();
    if (say !== undefined) this.#wire?.send(say);
    this.#wire?.close();
    if (this.#cause === undefined && this.#begun !== undefined)
      this.#begun.timer = this.table.side.clock.setTimeout(() => this.#wire?.destroy(), REFUSAL_MS);
  }

  #settle(): void {
    this.#isOver = true;
    if (this.#begun !== undefined) {
      this.table.side.clock.clearTimeout(this.#begun.timer);
      this.#begun.timer = undefined;
    }
    this.table.leave(this);
  }
}

function joined(a: Uint8Array, b: Uint8Array, isLent: boolean): Uint8Array {
  if (a.length === 0) return isLent ? new Uint8Array(b) : b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
