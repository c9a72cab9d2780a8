import type { Entropy } from '../ports.js';
import type { Trail } from './resume.messages.js';

/** The acceptor's result of comparing a hello's trail. `strange`: no dialer of this session writes such a one, yet it has the token. */
export type TrailResult = 'fine' | 'repeated' | 'late' | 'strange' | 'stolen';

interface Step {
  readonly wire: number;
  readonly tries: number;
}

const NOTHING: readonly Step[] = [];
/** In place of a wire that can't be the owner's: no answer to the owner names one that the owner knows. */
const STRANGER: Step = { wire: 0, tries: 0 };
/** Wires remembered since the last answered one. At the longest pause between two dials this is more than an hour. */
const STEPS_MAX = 1024;

/**
 * The wires that a session has been on, so that both ends notice when another process has used it (RES-20). The dialer gives each
 * wire an id that can't be guessed, and sends with it the last wire that was answered; the acceptor sends the one that it
 * took before. Where one names a wire that the other has not been on, two dialers have the token. This costs twelve bytes of
 * each hello and nothing afterwards.
 */
export class WireTrail {
  #known = 0; // The last wire on which both sides know that they have met.
  #since: Step[] | undefined; // Dialer: said hello on, no answer read. Acceptor: accepted. Oldest first; idle sessions have none.
  #forgotten = 0; // Dialer: of those, no longer remembered.

  /** Dialer: what to say on a new wire. A new session's hello stays the same until it was answered (RES-4). */
  next(entropy: Entropy, isBorn: boolean): Trail {
    const since = (this.#since ??= []);
    if (isBorn || since.length === 0) {
      if (since.length >= STEPS_MAX) {
        since.shift();
        this.#forgotten++;
      }
      since.push({ wire: idOf(entropy(4)), tries: since.length + this.#forgotten });
    }
    return { ...since.at(-1)!, before: this.#known };
  }

  /** Dialer: a welcome was read. False: the acceptor has accepted another dialer since. */
  answered(trail: Trail | undefined): boolean {
    const since = this.#since ?? NOTHING;
    const before = trail?.before ?? this.#known;
    const isOurs = before === this.#known || this.#forgotten > 0 || since.some(({ wire }) => wire === before);
    this.settle();
    return isOurs;
  }

  /** The last wire was answered, and both know it. */
  settle(): void {
    this.#known = this.#since?.at(-1)?.wire ?? this.#known;
    this.#since = undefined;
    this.#forgotten = 0;
  }

  /** Acceptor. Changes nothing. */
  compare(trail: Trail | undefined, isResumed: boolean): TrailResult {
    const { last } = this;
    if (last === undefined) return 'fine';
    if (trail === undefined) return 'strange';
    const since = this.#after(trail.before);
    const isRepeated = trail.wire === this.#known || this.#since?.some(({ wire }) => wire === trail.wire) === true;
    if (isRepeated && !isResumed) return 'repeated';
    if (since === undefined || isRepeated) return 'strange';
    // A dialer counts its hellos: the same number twice is of two dialers, a lower one comes late.
    if (since.some((step) => step === STRANGER || step.tries === trail.tries)) return 'stolen';
    return since.some(({ tries }) => tries > trail.tries) ? 'late' : 'fine';
  }

  /** Acceptor: a hello was accepted. The trail of the welcome, where the hello had one. */
  accept(trail: Trail | undefined, result: TrailResult): Trail | undefined {
    const before = this.last ?? 0;
    if (result === 'strange') this.#add(STRANGER);
    else if (trail !== undefined && result !== 'repeated') {
      const since = this.#after(trail.before) ?? NOTHING;
      if (since !== this.#since) this.#known = trail.before;
      this.#since = [...since];
      this.#add({ wire: trail.wire, tries: trail.tries });
    }
    return trail && { wire: trail.wire, before, tries: 0 };
  }

  /** Acceptor: the wire that was accepted last; undefined in a session without trails. */
  get last(): number | undefined {
    if (this.#since === undefined) return this.#known === 0 ? undefined : this.#known;
    return this.#since.at(-1)?.wire;
  }

  #add(step: Step): void {
    const since = (this.#since ??= []);
    if (since.length >= STEPS_MAX) since.shift();
    if (step !== STRANGER || since.at(-1) !== STRANGER) since.push(step);
  }

  /** The wires accepted after `wire`; undefined if that one isn't known. */
  #after(wire: number): readonly Step[] | undefined {
    const since = this.#since ?? NOTHING;
    if (wire === this.#known) return since;
    const at = since.findIndex((step) => step.wire === wire && step !== STRANGER);
    return at < 0 ? undefined : since.slice(at + 1);
  }
}

/** Never 0, and a small integer to the runtime. */
function idOf(bytes: Uint8Array): number {
  return (((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 1) | 1;
}
