import { closing, type Closing } from '../../closing.js';
import type { WireCause } from '../../ports.js';
import { Candidates } from './candidates.js';
import type { DialRequest, GiveUpReason } from './dialer.service.js';
import { Steadiness, triesNextAddress } from './redial-policy.js';

/** A dial under way. */
export interface TrackedDial {
  answered(): void;
  refused(): void;
  abandoned(): void;
}

/** The state of a connection's dials: those under way, the results of the last ones, the terms of the next one. */
export class RedialState {
  /** Why the last dial of the attempt, or since the session lost its last wire, came to nothing. */
  lastFailure: WireCause | undefined;
  giveUpReason: GiveUpReason | undefined;
  /** It dials again because of the last ending; there was no new request since. */
  isRedial = false;
  #wasInLine = false; // The last request was withdrawn while it waited for budget or slots, and for nothing else.
  #dialsSinceLoss = 0;
  #underWay: Map<string, TrackedDial> | undefined; // By what the queue calls them, until they have answered.
  #candidates: Candidates | undefined;
  #steadiness: Steadiness | undefined;

  /** Which of several addresses failed lately. */
  get candidates(): Candidates {
    return (this.#candidates ??= new Candidates());
  }

  began(key: string, dial: TrackedDial): void {
    (this.#underWay ??= new Map()).set(key, dial);
    this.#wasInLine = false;
    this.#dialsSinceLoss++;
  }
  withdrawn(wasInLine: boolean): void {
    this.#wasInLine = wasInLine;
  }
  answered(): void {
    for (const dial of this.#underWay?.values() ?? []) dial.answered();
    this.#underWay = undefined;
  }
  /** The dialer is gone. */
  abandoned(): void {
    for (const dial of this.#underWay?.values() ?? []) dial.abandoned();
    this.#underWay = undefined;
  }
  refused(): void {
    for (const dial of this.#underWay?.values() ?? []) dial.refused();
    this.#underWay = undefined;
  }

  /** A new session begins. */
  begin(): void {
    this.giveUpReason = undefined;
    this.lastFailure = undefined;
  }
  completed(now: number, isKept: boolean): void {
    this.isRedial = false;
    if (isKept) (this.#steadiness ??= new Steadiness()).completed(now);
  }
  /** The last wire of a session is gone, and its window begins. */
  lost(): void {
    this.#underWay = undefined;
    this.lastFailure = undefined;
    this.#wasInLine = false;
    this.#dialsSinceLoss = 0;
  }
  ended(how: Closing, now: number, wasConnected: boolean): void {
    this.isRedial = true;
    if (wasConnected) this.#steadiness?.ended(now, how);
  }

  /** An attempt that ended so goes on: the peer has an address that was not tried. */
  mayGoOn(how: Closing): boolean {
    return this.#candidates?.hasUntried === true && triesNextAddress(how);
  }

  /** The terms for the queue of a dial that follows an ended connection or attempt. */
  termsAfter(how: Closing | undefined, isRegistered: boolean): Pick<DialRequest, 'livedMs' | 'streak' | 'delayMs' | 'goesOn'> {
    if (!this.isRedial || how === undefined) return {};
    if (this.mayGoOn(how)) return { goesOn: true };
    const { streak = 0, delayMs = 0 } = this.#steadiness ?? {};
    const toldMs = how.detail?.retryAfterMs ?? 0;
    // The peer went on purpose: there is no wire that was cut and could be replaced at once.
    return { livedMs: 0, delayMs: Math.max(toldMs, delayMs), ...(isRegistered ? { streak } : {}) };
  }

  /** An ending by the clock says what it waited for: what the network answered, or this hub's own limits. @rule DIAL-7 */
  truthAbout(how: Closing): Closing {
    if ((how.code !== 'window-expired' && how.code !== 'handshake-timeout') || how.detail?.cause !== undefined) return how;
    if (this.#wasInLine && this.#dialsSinceLoss === 0)
      return closing('limit-reached', 'local', { ...how.detail, message: STARVED });
    const cause = this.lastFailure;
    return cause === undefined || cause.kind === 'aborted' ? how : { ...how, detail: { ...how.detail, cause } };
  }
}

const STARVED =
  'no dial was granted in time, too many others waited for it; raise limits.pendingDialsMax, limits.burst and limits.perSecond, or the reconnect window';
