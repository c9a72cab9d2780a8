import type { Clock, Identity, Offer, Opener, Wire, WireCause, WireHandler } from '../../ports.js';
import type { Identified, Protocol } from '../../protocol.js';
import { Openings } from '../admission.js';

export interface DoorLimits {
  /** Openings at once; beyond it the oldest gives way. Default 1024. */
  readonly openingsMax: number;
  /** Openings at once from one address other than loopback. Default 16. */
  readonly openingsPerAddressMax: number;
}

export type Known = Extract<Identified, { word: 'known' }>;

/** Hears of a wire that has found its session and waits for it. */
export interface WaitingWire {
  /** It has said something. */
  said(): void;
  closed(): void;
}

/** Whose wire it is, and how to hear of it as long as it waits. */
export interface Arrival {
  readonly identity: Identity | undefined;
  readonly remoteAddress: string;
  watch(waiting: WaitingWire): void;
}

/** What the door asks the hub once a wire has said whose it is. */
export interface DoorKeeper {
  readonly clock: Clock;
  /** Takes the wire for a session, by its opener, or says what to answer before it is closed. */
  arrived(protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Uint8Array | 'taken' | undefined;
  refused(remoteAddress: string, code: string): void;
  /** Whether a session from this address waits for its peer. */
  isAwaited(remoteAddress: string): boolean;
}

/**
 * Owns every accepted wire until it is identified; then the session gets an opener for it and everything it said,
 * the opening included. A thousand silent dialers cost a thousand openings here and nothing else.
 */
export class Door {
  #openings: Openings<Opening>;
  #all = new Set<Opening>();

  constructor(
    readonly keeper: DoorKeeper,
    limits: DoorLimits,
  ) {
    this.#openings = new Openings(limits);
  }

  get size(): number {
    return this.#openings.size;
  }

  accept(offer: Offer, protocols: readonly Protocol<unknown>[], listener?: string): void {
    const opening = new Opening(this, offer, protocols, listener);
    const verdict = this.#openings.enter(opening, offer.remoteAddress, this.keeper.isAwaited(offer.remoteAddress));
    this.#all.add(opening);
    if (verdict.word === 'evict-oldest') verdict.oldest.giveUp();
    opening.begin(offer.open);
  }

  /** Nobody comes in any more. */
  clear(): void {
    for (const opening of [...this.#all]) opening.giveWay();
  }

  leave(opening: Opening): void {
    this.#all.delete(opening);
    this.#openings.leave(opening);
  }
}

const NOTHING = new Uint8Array(0);
/** What a wire may say before its session can take it. */
const LATER_BYTES_MAX = 1 << 20;
/** How long a refused wire may take to hear why. */
const REFUSAL_MS = 1000;

/** What is of no more use once a session has the wire. */
interface Begun {
  readonly remoteAddress: string;
  readonly listener: string | undefined;
  protocols: readonly Protocol<unknown>[];
  /** Who judges, once a protocol has asked back. */
  identify: Protocol['identify'] | undefined;
  bytes: Uint8Array;
  /** Once it has found its session: what came before that could take it, message by message. */
  later: Uint8Array[] | undefined;
  laterBytes: number;
  waiting: WaitingWire | undefined;
  abort: (() => void) | undefined;
  timer: unknown;
}

/** One accepted wire: first the door's, then a session's. The transport never notices. */
class Opening implements WireHandler {
  #begun: Begun | undefined; // Until it is a session's.
  #wire: Wire | undefined;
  #session: WireHandler | undefined; // To whom the wire is lent.
  #isHandedOver = false;
  #isOver = false;
  #cause: WireCause | undefined;

  constructor(
    readonly door: Door,
    { remoteAddress }: Offer,
    protocols: readonly Protocol<unknown>[],
    listener: string | undefined,
  ) {
    this.#begun = {
      remoteAddress,
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
    begun.timer = this.door.keeper.clock.setTimeout(() => this.giveUp(), timeoutMs);
    begun.abort = open(this);
  }

  /** It has said nothing of use for too long. */
  giveUp(): void {
    const { protocols = [], remoteAddress = '' } = this.#begun ?? {};
    for (const protocol of protocols) protocol.silent?.(remoteAddress);
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
    if (this.#isHandedOver) return this.#session!.onBytes(bytes);
    const begun = this.#begun;
    if (begun === undefined || (this.#isOver && this.#session === undefined)) return;
    const isLent = this.#wire?.lends === true;
    if (begun.later !== undefined) return this.#keep(begun, begun.later, isLent ? new Uint8Array(bytes) : bytes);
    begun.bytes = joined(begun.bytes, bytes, isLent);
    this.#identify(begun);
  }

  onDrain(): void {
    this.#session?.onDrain();
  }

  onProbeAnswer(): void {
    this.#session?.onProbeAnswer();
  }

  onClose(cause: WireCause): void {
    this.#cause = cause;
    this.#settle();
    if (this.#isHandedOver) this.#session!.onClose(cause);
    else if (this.#session === undefined) this.#begun?.waiting?.closed();
  }

  #identify(begun: Begun): void {
    const { remoteAddress, listener, protocols, bytes } = begun;
    const { keeper } = this.door;
    const watch = (waiting: WaitingWire): void => void (begun.waiting = waiting);
    const about = { identity: this.#wire?.identity, remoteAddress, listener, watch };
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
          begun.protocols = [protocol]; // It is nobody else's.
          begun.identify = identified.then;
          this.#wire?.send(identified.say);
          return this.#identify(begun); // What it says next may be here already.
        case 'refuse':
          keeper.refused(about.remoteAddress, identified.code);
          return this.#refuse(identified.say);
        case 'known': {
          const answer = keeper.arrived(protocol, identified, about, (handler) => this.#lend(handler));
          if (answer !== 'taken') return this.#refuse(answer);
          begun.later = [];
          return;
        }
      }
    }
    if (mayBe) return;
    keeper.refused(about.remoteAddress, 'malformed');
    this.#refuse(undefined);
  }

  /** It has found its session, which can't take it yet. */
  #keep(begun: Begun, later: Uint8Array[], bytes: Uint8Array): void {
    begun.laterBytes += bytes.length;
    if (begun.laterBytes > LATER_BYTES_MAX) return this.giveWay();
    later.push(bytes);
    if (this.#session === undefined) begun.waiting?.said();
  }

  /** The session's opener: what was said so far is said again, to it. */
  #lend(handler: WireHandler): () => void {
    this.#session = handler;
    this.#settle();
    this.door.keeper.clock.soon(() => {
      if (this.#cause !== undefined) return handler.onClose(this.#cause);
      this.#isHandedOver = true;
      const { bytes = NOTHING, later = [] } = this.#begun ?? {};
      this.#begun = undefined;
      handler.onOpen(this.#wire!);
      if (bytes.length > 0 && this.#cause === undefined) handler.onBytes(bytes);
      for (const piece of later) if (this.#cause === undefined) handler.onBytes(piece);
    });
    return () => this.#wire?.destroy();
  }

  #refuse(say: Uint8Array | undefined): void {
    this.#settle();
    if (say !== undefined) this.#wire?.send(say);
    this.#wire?.close();
    if (this.#cause === undefined && this.#begun !== undefined)
      this.#begun.timer = this.door.keeper.clock.setTimeout(() => this.#wire?.destroy(), REFUSAL_MS);
  }

  #settle(): void {
    this.#isOver = true;
    if (this.#begun !== undefined) {
      this.door.keeper.clock.clearTimeout(this.#begun.timer);
      this.#begun.timer = undefined;
    }
    this.door.leave(this);
  }
}

function joined(a: Uint8Array, b: Uint8Array, isLent: boolean): Uint8Array {
  if (a.length === 0) return isLent ? new Uint8Array(b) : b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
