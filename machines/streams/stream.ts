import { Outbox } from './outbox.js';
import type { Turn } from './fair-queue.js';

/** One stream as a plane keeps it. What follows from what is decided in `streams.plane.ts`. */
export class Stream implements Turn {
  /** Asking: this side opened it and has no answer. Asked: the peer did, and waits for ours. */
  stage: 'asking' | 'asked' | 'open';
  /** This side's direction. Ending: what was written goes first. */
  own: 'open' | 'ending' | 'ended' = 'open';
  /** The peer sends nothing more, or nobody would hear it. */
  hasPeerEnded = false;
  /** This side has reset it: it only waits for the peer to know. */
  isAbandoned = false;
  readonly outbox = new Outbox();
  /** What the peer lets this side send. */
  credit = 0;
  /** What this side lets the peer send, */
  grantedBytes = 0;
  /** and what it has sent that the application has not consumed. */
  keptBytes = 0;
  allowance = 0;

  constructor(
    readonly id: number,
    isOwn: boolean,
  ) {
    this.stage = isOwn ? 'asking' : 'asked';
  }

  get heldBytes(): number {
    return this.grantedBytes + this.keptBytes;
  }

  /** Something to send and the right to send it. */
  get isReady(): boolean {
    if (this.stage !== 'open') return false;
    return this.outbox.bytes > 0 ? this.credit > 0 : this.own === 'ending';
  }
}
