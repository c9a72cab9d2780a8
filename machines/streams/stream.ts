import { phaseTable, step, type PhaseOf } from '../phase-table.js';
import { Outbox } from './outbox.js';
import type { FairQueueItem } from './fair-queue.js';

/** Asking: this side opened it and has no answer. Asked: the peer did, and waits for ours. */
export const STREAM_STAGES = phaseTable('stream', 'asking', {
  asking: { answer: 'open' },
  asked: { answer: 'open' },
  open: {},
});

/** This side's direction. Ending: what was written goes first. `abandon`: the stream is reset, by either side. */
export const STREAM_OWN_PHASES = phaseTable('stream-own', 'open', {
  open: { end: 'ending', abandon: 'ended' },
  ending: { sent: 'ended', abandon: 'ended' },
  ended: { abandon: 'ended' },
});

/** The peer's direction. Abandoned: this side has reset the stream, and drops what comes until the peer knows. */
export const STREAM_PEER_PHASES = phaseTable('stream-peer', 'open', {
  open: { end: 'ended', abandon: 'abandoned' },
  abandoned: { end: 'ended' },
  ended: { abandon: 'ended' },
});

/** One stream, as a plane keeps it. `streams.plane.ts` decides what follows. */
export class Stream implements FairQueueItem {
  #stage: PhaseOf<typeof STREAM_STAGES>;
  #own: PhaseOf<typeof STREAM_OWN_PHASES> = STREAM_OWN_PHASES.initial;
  #peer: PhaseOf<typeof STREAM_PEER_PHASES> = STREAM_PEER_PHASES.initial;
  readonly outbox = new Outbox();
  /** The credit that the peer has granted. */
  credit = 0;
  /** The credit that this side has granted, */
  grantedBytes = 0;
  /** and what it has sent that the application has not consumed. */
  keptBytes = 0;
  allowance = 0;

  constructor(
    readonly id: number,
    isOwn: boolean,
  ) {
    this.#stage = isOwn ? STREAM_STAGES.initial : 'asked';
  }

  get stage(): PhaseOf<typeof STREAM_STAGES> {
    return this.#stage;
  }
  get own(): PhaseOf<typeof STREAM_OWN_PHASES> {
    return this.#own;
  }
  /** The peer sends nothing more. */
  get hasPeerEnded(): boolean {
    return this.#peer === 'ended';
  }
  get isAbandoned(): boolean {
    return this.#peer === 'abandoned';
  }

  answer(): void {
    this.#stage = step(STREAM_STAGES, this.#stage, 'answer');
  }
  /** `end`: behind what was written; `sent`: all of that has left. */
  end(event: 'end' | 'sent'): void {
    this.#own = step(STREAM_OWN_PHASES, this.#own, event);
  }
  endPeer(): void {
    this.#peer = step(STREAM_PEER_PHASES, this.#peer, 'end');
  }
  abandon(): void {
    this.#own = step(STREAM_OWN_PHASES, this.#own, 'abandon');
    this.#peer = step(STREAM_PEER_PHASES, this.#peer, 'abandon');
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
