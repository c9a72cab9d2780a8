import type { DialPermitRequest, LinkIndex } from '../../dial-permits.js';
import type { Closing } from '../../closing.js';
import type { DialOptions, Opener, Ports, Resolver, Transport, Wire, WireCause } from '../../ports.js';
import type { Protocol } from '../../protocol.js';
import type { DialWatcher, WireTracker } from '../wire-tracker.js';
import { WITHIN_WINDOW } from './fair-dial-queue.js';
import type { RedialPolicy } from '../../backoff.js';
import type { DialScheduler, DialRequest, DialTicket, GiveUpReason } from './dialer.service.js';
import type { CertificateWatch } from '../certificate-expiry.js';
import { happyEyeballs } from './happy-eyeballs.js';
import type { RedialState } from './redial-state.js';
import { resolveThenDial } from './resolve.js';

/** A connection that is to be dialed. */
export interface DialedConnection {
  readonly key: string;
  readonly protocol: Protocol<unknown>;
  readonly target: { readonly targets: readonly string[]; readonly peer: string | undefined; readonly dialOptions: DialOptions };
  readonly isRegistered: boolean;
  readonly isCompleted: boolean;
  readonly isRemoved: boolean;
  readonly hasCallers: boolean;
  /** Of its session; where it has none, one begins with this dial. */
  readonly handle: object | undefined;
  readonly lastCause: Closing | undefined;
  readonly redials: RedialState;
  hasReached: boolean;
  linkKey(index: number): string;
  waitsForSlot(): void;
  wireOpened(wire: Wire): void;
}

/** The hub, as dialing needs it. */
export interface DialerSide<Dialed extends DialedConnection> {
  readonly wires: Pick<WireTracker, 'track'>;
  readonly ports: Ports;
  readonly options: { readonly resolver: Resolver | undefined };
  readonly dialScheduler: DialScheduler;
  readonly slots: {
    mayDial(record: Dialed): boolean;
    wait(record: Dialed, then: () => void): () => void;
    resume(): void;
  };
  readonly certificates: CertificateWatch;
  /** @throws SessionError for an address that can't be right */
  transportOf(address: string): Transport;
}

/** An attempt given up after this long had its time to answer, and had none. */
const PATIENCE_MS = 1000;

/** Why nothing was dialed. */
const OFFLINE: WireCause = { kind: 'unreachable', reason: 'this host is offline' };

/** Turns what a connection asks for into a place in the dial queue, and a permit into a dial that is followed to its end. */
export class WireDialer<Dialed extends DialedConnection> {
  constructor(readonly side: DialerSide<Dialed>) {}

  /** The result withdraws the request. */
  requestPermit(record: Dialed, request: DialPermitRequest): () => void {
    const permit = new QueuedPermit(this, record, request);
    permit.ask();
    return () => permit.withdraw();
  }

  /** The opener of a wire to the record's peer, which follows it to its end. */
  opener(record: Dialed, link: LinkIndex | undefined, dial: DialAttempt): Opener {
    const { side } = this;
    const targets = targetsOf(record, link);
    const about = {
      ...record.target.dialOptions,
      onReached: () => void (record.hasReached = true),
      onCertificate: side.certificates.look,
    };
    const [only] = targets;
    const opener =
      targets.length === 1 ? side.transportOf(only!).dial(only!, about) : this.#openerOfSeveral(record, targets, dial, about);
    return side.wires.track(opener, dial);
  }

  #openerOfSeveral(record: Dialed, targets: readonly string[], dial: DialAttempt, about: DialOptions): Opener {
    const { side } = this;
    const { resolver } = side.options;
    const { clock } = side.ports;
    const open = (target: string): Opener => side.transportOf(target).dial(target, about);
    const several = (addresses: readonly string[]): Opener => {
      const ordered = addresses.length < 2 ? addresses : record.redials.candidates.order(addresses);
      if (ordered.length > 1) dial.races(ordered);
      return happyEyeballs(ordered.map(open), clock, record.protocol.raceStaggerMs, dial);
    };
    return targets.length === 0 && resolver !== undefined
      ? resolveThenDial(resolver, record.target.peer ?? '', open, several, clock)
      : several(targets);
  }
}

/** A request for a permit, from the dial queue and the wait for a slot to the dial. */
class QueuedPermit<Dialed extends DialedConnection> implements DialRequest {
  readonly key: string;
  readonly target: string;
  priority = 0;
  policy: RedialPolicy;
  livedMs: number | undefined = undefined;
  streak = 0;
  delayMs = 0;
  goesOn = false;
  readonly #dialer: WireDialer<Dialed>;
  readonly #record: Dialed;
  readonly #request: DialPermitRequest;
  #ticket: DialTicket | undefined = undefined;
  #leaveLine: (() => void) | undefined = undefined; // While it waits for a slot.
  #isAnswered = false;

  constructor(dialer: WireDialer<Dialed>, record: Dialed, request: DialPermitRequest) {
    const { link } = request;
    this.#dialer = dialer;
    this.#record = record;
    this.#request = request;
    this.key = link === undefined ? record.key : record.linkKey(link.index);
    this.target = placeOf(record, link);
    this.policy = record.protocol.redial;
  }

  readonly ask = (): void => {
    const record = this.#record;
    const { livedMs } = this.#request;
    this.#isAnswered = false;
    this.#leaveLine = undefined;
    // A completed connection that dials has lost its wires: its window counts down.
    this.priority = record.isCompleted ? WITHIN_WINDOW : record.hasCallers ? 1 : 0;
    this.policy = record.isRegistered ? { ...record.protocol.redial, retriesMax: Infinity } : record.protocol.redial;
    this.livedMs = livedMs > 0 ? livedMs : undefined;
    // The dials of a session are its chart's; those between two sessions are the hub's.
    const terms = record.handle === undefined ? record.redials.termsAfter(record.lastCause, record.isRegistered) : NO_TERMS;
    this.livedMs = terms.livedMs ?? this.livedMs;
    this.streak = terms.streak ?? 0;
    this.delayMs = terms.delayMs ?? 0;
    this.goesOn = terms.goesOn ?? false;
    this.#ticket = this.#dialer.side.dialScheduler.ask(this);
  };

  permit(): void {
    const { side } = this.#dialer;
    const record = this.#record;
    this.#isAnswered = true;
    if (!side.slots.mayDial(record)) return this.#waitForSlot();
    const dial = new DialAttempt(side, record, this.key, this.target);
    record.redials.began(this.key, dial);
    this.#request.permitted(this.#dialer.opener(record, this.#request.link, dial), () => {
      dial.answered();
      if (!record.isRemoved) side.dialScheduler.completed(this.key);
    });
  }

  giveUp(reason: GiveUpReason): void {
    this.#isAnswered = true;
    this.#record.redials.giveUpReason = reason;
    this.#request.exhausted();
  }

  withdraw(): void {
    const { dialScheduler, slots } = this.#dialer.side;
    if (this.#leaveLine !== undefined) this.#leaveLine();
    else {
      const { redials } = this.#record;
      if (!this.#isAnswered) redials.withdrawn(this.#ticket!.nextDelayMs === 0 && !dialScheduler.isHeld);
      if (!this.#isAnswered && dialScheduler.isHeld) redials.lastFailure ??= OFFLINE;
      this.#ticket!.cancel();
    }
    slots.resume(); // It may have been its turn.
  }

  #waitForSlot(): void {
    const { dialScheduler, slots } = this.#dialer.side;
    dialScheduler.undo(this.key);
    this.#leaveLine = slots.wait(this.#record, this.ask);
    this.#record.waitsForSlot();
  }
}

const NO_TERMS: ReturnType<RedialState['termsAfter']> = {};

/** One dial from its permit to the end of its wire: whether the place answered, and which address it was. */
export class DialAttempt implements DialWatcher {
  #addresses: readonly string[] | undefined; // Where there were several to choose from.
  #index = 0;
  #permittedAt: number;
  #hasBegun = false;
  #isOpen = false;
  #hasAnswered = false;

  constructor(
    readonly side: DialerSide<never>,
    readonly record: DialedConnection,
    readonly key: string,
    readonly target: string,
  ) {
    this.#permittedAt = side.ports.clock.now();
  }

  /** These are tried, in this order. */
  races(addresses: readonly string[]): void {
    this.#addresses = addresses;
  }
  /** The first to open. */
  won(index: number): void {
    this.#index = index;
  }
  /** One of several failed before it opened. */
  lost(index: number, cause: WireCause): void {
    if (cause.kind !== 'identity-mismatch' && cause.kind !== 'tls-failed' && cause.kind !== 'malformed') return;
    if (this.#addresses !== undefined) this.record.redials.candidates.strike(this.#addresses[index]!);
  }

  began(): void {
    this.#hasBegun = true;
  }
  /** It will not begin any more: its slot is free. */
  abandoned(): void {
    if (!this.#hasBegun) this.side.dialScheduler.dialEnded(this.key);
  }

  opened(wire: Wire): void {
    this.#isOpen = true;
    this.side.dialScheduler.dialEnded(this.key);
    this.record.wireOpened(wire);
  }

  /** The peer is there, and is who it should be. */
  answered(): void {
    this.#hasAnswered = true;
    if (this.#addresses !== undefined) this.record.redials.candidates.forgive(this.#addresses[this.#index]!);
  }

  /** The peer is there, and said no. */
  refused(): void {
    this.#hasAnswered = true;
    this.#strike();
    this.side.dialScheduler.answered(this.key);
  }

  closed(cause: WireCause): void {
    if (!this.#isOpen) this.side.dialScheduler.dialEnded(this.key);
    this.record.redials.lastFailure = cause;
    if (this.#hasAnswered) return;
    const wasHurried = cause.kind === 'aborted' && this.side.ports.clock.now() - this.#permittedAt < PATIENCE_MS;
    this.#strike();
    if (cause.status !== undefined) this.side.dialScheduler.answered(this.key); // Words of HTTP: it lives.
    if (!wasHurried) this.side.dialScheduler.failed(this.key, this.target, cause.retryAfterMs);
  }

  #strike(): void {
    if (this.#isOpen && this.#addresses !== undefined) this.record.redials.candidates.strike(this.#addresses[this.#index]!);
  }
}

/** The budget's name of the place that is dialed. */
function placeOf(record: DialedConnection, link: LinkIndex | undefined): string {
  const targets = targetsOf(record, link);
  return targets.length === 0 ? (record.target.peer ?? '') : targets.join(' ');
}

/** Where a wire may be dialed: at any of the targets, or where each link has a target of its own, at that one. */
function targetsOf({ target: { targets }, protocol }: DialedConnection, link: LinkIndex | undefined): readonly string[] {
  if (link?.address !== undefined) return [link.address];
  if ((protocol.hasLinks ?? protocol.isLaned) !== true || targets.length < 2) return targets;
  return [targets[(link?.index ?? 0) % targets.length]!];
}
