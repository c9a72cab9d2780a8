import type { GrantRequest, Lane } from '../../dial-permit.service.js';
import type { Opener, Ports, Resolver, Transport, Wire, WireCause } from '../../ports.js';
import { counted, type DialWatcher, type Tally } from '../wire-tracker.js';
import { WITHIN_WINDOW } from './fair-dial-queue.js';
import type { DialQueue } from './dialer.service.js';
import type { Expiry } from '../certificate-expiry.js';
import type { Entry } from '../connection-record.js';
import type { Places } from '../connection-slots.js';
import { race } from './happy-eyeballs.js';
import { resolving } from './resolve.js';

/** What dialing needs of the hub. */
export interface DialingSide extends Tally {
  readonly ports: Ports;
  readonly options: { readonly resolver: Resolver | undefined };
  readonly queue: DialQueue;
  readonly places: Places;
  readonly expiry: Expiry;
  /** @throws SessionError for an address that can't be right */
  transportOf(address: string): Transport;
}

/** An attempt given up after this long had its time to answer, and had none. */
const PATIENCE_MS = 1000;

/** Why nothing was dialed. */
const OFFLINE: WireCause = { kind: 'unreachable', reason: 'this host is offline' };

/** Turns what a connection asks for into a place in the dial queue, and a grant into a dial that is followed to its end. */
export class Dialing {
  constructor(readonly side: DialingSide) {}

  /** The result withdraws the request. */
  grant(entry: Entry, request: GrantRequest): () => void {
    const { queue, places } = this.side;
    const { lane } = request;
    const { redials } = entry;
    const key = lane === undefined ? entry.key : entry.laneKey(lane.index);
    const target = placeOf(entry, lane);
    let isAnswered = false;
    let cancel: () => void;
    const ask = (): void => {
      isAnswered = false;
      const asked = queue.ask({
        key,
        target,
        // A completed connection that dials has lost its wires: its window counts down.
        priority: entry.isCompleted ? WITHIN_WINDOW : entry.hasCallers ? 1 : 0,
        policy: entry.isRegistered ? { ...entry.protocol.redial, retriesMax: Infinity } : entry.protocol.redial,
        ...(request.livedMs > 0 ? { livedMs: request.livedMs } : {}),
        // The dials of a session are its chart's; those between two sessions are the hub's.
        ...(entry.handle === undefined ? redials.termsAfter(entry.lastCause, entry.isRegistered) : {}),
        grant: () => {
          isAnswered = true;
          if (!places.mayDial(entry)) return waitForPlace();
          const dial = new DialAttempt(this.side, entry, key, target);
          redials.began(key, dial);
          request.granted(this.#opener(entry, lane, dial), () => {
            dial.answered();
            if (!entry.isBuried) queue.completed(key);
          });
        },
        giveUp: (reason) => {
          isAnswered = true;
          redials.giveUpReason = reason;
          request.givenUp();
        },
      });
      cancel = () => {
        if (!isAnswered) redials.withdrawn(asked.nextDelayMs === 0 && !queue.isHeld);
        if (!isAnswered && queue.isHeld) redials.lastFailure ??= OFFLINE;
        asked.cancel();
      };
    };
    const waitForPlace = (): void => {
      queue.undo(key);
      cancel = places.wait(entry, ask);
      entry.waitsForPlace();
    };
    ask();
    return () => {
      cancel();
      places.resume(); // It may have been its turn.
    };
  }

  #opener(entry: Entry, lane: Lane | undefined, dial: DialAttempt): Opener {
    const { side } = this;
    const { dialOptions, peer } = entry.wish;
    const targets = targetsOf(entry, lane);
    const { resolver } = side.options;
    const { clock } = side.ports;
    const { raceStaggerMs } = entry.protocol;
    const about = { ...dialOptions, onReached: () => void (entry.hasReached = true), onCertificate: side.expiry.look };
    const open = (target: string): Opener => side.transportOf(target).dial(target, about);
    const several = (addresses: readonly string[]): Opener => {
      const ordered = addresses.length < 2 ? addresses : entry.redials.candidates.order(addresses);
      if (ordered.length > 1) dial.races(ordered);
      return race(ordered.map(open), clock, raceStaggerMs, dial);
    };
    const opener =
      targets.length === 0 && resolver !== undefined ? resolving(resolver, peer ?? '', open, several, clock) : several(targets);
    return counted(opener, side, dial);
  }
}

/** One dial from its grant to the end of its wire: whether the place answered, and which address it was. */
export class DialAttempt implements DialWatcher {
  #addresses: readonly string[] | undefined; // Where there were several to choose from.
  #index = 0;
  #grantedAt: number;
  #hasBegun = false;
  #isOpen = false;
  #hasAnswered = false;

  constructor(
    readonly side: DialingSide,
    readonly entry: Entry,
    readonly key: string,
    readonly target: string,
  ) {
    this.#grantedAt = side.ports.clock.now();
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
    if (this.#addresses !== undefined) this.entry.redials.candidates.strike(this.#addresses[index]!);
  }

  began(): void {
    this.#hasBegun = true;
  }
  /** Nobody will begin it any more: its slot is free. */
  abandoned(): void {
    if (!this.#hasBegun) this.side.queue.dialEnded(this.key);
  }

  opened(wire: Wire): void {
    this.#isOpen = true;
    this.side.queue.dialEnded(this.key);
    this.entry.wireOpened(wire);
  }

  /** The peer is there, and is who it should be. */
  answered(): void {
    this.#hasAnswered = true;
    if (this.#addresses !== undefined) this.entry.redials.candidates.forgive(this.#addresses[this.#index]!);
  }

  /** The peer is there, and said no. */
  refused(): void {
    this.#hasAnswered = true;
    this.#strike();
    this.side.queue.answered(this.key);
  }

  closed(cause: WireCause): void {
    if (!this.#isOpen) this.side.queue.dialEnded(this.key);
    this.entry.redials.lastFailure = cause;
    if (this.#hasAnswered) return;
    const wasHurried = cause.kind === 'aborted' && this.side.ports.clock.now() - this.#grantedAt < PATIENCE_MS;
    this.#strike();
    if (cause.status !== undefined) this.side.queue.answered(this.key); // Words of HTTP: it lives.
    if (!wasHurried) this.side.queue.failed(this.key, this.target, cause.retryAfterMs);
  }

  #strike(): void {
    if (this.#isOpen && this.#addresses !== undefined) this.entry.redials.candidates.strike(this.#addresses[this.#index]!);
  }
}

/** What the budget calls the place that is dialed. */
function placeOf(entry: Entry, lane: Lane | undefined): string {
  const targets = targetsOf(entry, lane);
  return targets.length === 0 ? (entry.wish.peer ?? '') : targets.join(' ');
}

/** Where a wire may be dialed: at any of the targets, or where each link has a target of its own, at that one. */
function targetsOf({ wish: { targets }, protocol }: Entry, lane: Lane | undefined): readonly string[] {
  if (lane?.address !== undefined) return [lane.address];
  if (protocol.isLaned !== true || targets.length < 2) return targets;
  return [targets[(lane?.index ?? 0) % targets.length]!];
}
