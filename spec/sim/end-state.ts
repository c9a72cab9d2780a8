import type { WireCause } from '../../machines/ports.js';
import type { Route } from './host.js';
import { Inbound } from './inbound.js';

export type Phase =
  | 'dialing' // On its way to the other host.
  | 'waiting' // Has knocked there; not answered yet.
  | 'unborn' // Nobody has knocked here yet.
  | 'knocking' // An offer is about to be made.
  | 'offered' // The offer is made and not answered yet.
  | 'opening'
  | 'open'
  | 'closing' // Has said farewell.
  | 'gone';

export const ABORTED: WireCause = { kind: 'aborted' };
export const RESET: WireCause = { kind: 'reset', code: 'ECONNRESET' };
export const ENDED: WireCause = { kind: 'ended' };
export const UNREACHABLE: WireCause = { kind: 'unreachable', code: 'ETIMEDOUT' };

/** Where one end of a wire stands, and when the next thing happens there. */
export abstract class EndState {
  readonly inbound = new Inbound();
  phase: Phase = 'unborn';
  /** When its phase goes on by itself, and when it has waited long enough. */
  atMs = Infinity;
  deadlineMs = Infinity;

  /** How it will end; `isFarewell`: the word of that travels behind the bytes, and is as late and as lost as these. */
  protected cause: WireCause | undefined;
  protected causeAtMs = Infinity;
  protected isFarewell = false;
  protected silences = 0;
  protected resumeAtMs = 0;
  protected isPaused = false;
  protected isDrained = false; // `onDrain` is next.

  /** @param route the way to here */
  constructor(protected readonly route: Route) {}

  abstract schedule(): void;
  protected abstract get other(): EndState;

  get isGone(): boolean {
    return this.phase === 'gone' || this.phase === 'unborn';
  }

  protected end(cause: WireCause | undefined, atMs: number, isFarewell: boolean): void {
    this.cause = cause;
    this.causeAtMs = atMs;
    this.isFarewell = isFarewell;
    this.schedule();
  }

  /** When the next thing happens at this end; what is long due may be anything in the past. */
  protected nextMs(): number {
    const { phase } = this;
    if (phase === 'gone' || phase === 'unborn') return Infinity;
    if (this.cause === ABORTED || (this.isDrained && phase === 'open')) return 0;
    switch (phase) {
      case 'offered':
        return Infinity;
      case 'knocking':
      case 'opening':
        return this.atMs;
      case 'dialing':
        return Math.min(this.endMs, this.deadlineMs, this.other.heard(this.atMs));
      case 'waiting':
        return Math.min(this.endMs, this.deadlineMs, this.heard(this.atMs));
      default:
        return this.isPaused || phase === 'closing' ? this.endMs : Math.min(this.endMs, this.heard(this.inbound.nextMs));
    }
  }

  /** When it will be told that it is over, as far as that can be said now: a farewell waits for the bytes before it. */
  protected get endMs(): number {
    if (!this.isFarewell) return this.causeAtMs;
    return this.inbound.isEmpty ? this.heard(this.causeAtMs) : Infinity;
  }

  protected get isSilent(): boolean {
    return this.silences > 0 || this.route.silences > 0;
  }

  /** When something that would arrive here at that time really does. */
  protected heard(atMs: number): number {
    return this.isSilent ? Infinity : Math.max(atMs, this.resumeAtMs, this.route.resumeAtMs);
  }
}
