import { knows, phaseTable, step, type PhaseOf } from '../phase-table.js';

/**
 * When a silent link is probed, and when it is declared dead. Pure: time comes in as a number, and the answer is
 * a word. A transport or a plane only sends the probe; nothing here ends anything by itself.
 *
 * A timer that fires much too late says that this process was frozen or suspended, not that the peer is dead: what the peer
 * sent meanwhile may lie unread in the socket. So a late deadline probes once more, briefly, instead of ending the wire; and
 * since a short delay is no different, buffered input is read before a wire is declared dead.
 */

export interface LivenessTiming {
  /** Silence after which a probe goes out. Default 5000. */
  readonly idleMs?: number;
  /** How long its answer may take. Default 5000. */
  readonly probeTimeoutMs?: number;
  /** How long an answer may take after a thaw, when the application waits already. Default 1500. */
  readonly wakeProbeTimeoutMs?: number;
}

/** Go on; send a probe now; destroy the wire, politeness would wait for ever. */
export type LivenessAction = 'quiet' | 'probe' | 'dead';

/** A deadline missed by more than this was missed by a process that did not run. Chosen without measurement. */
const LATE_MS = 1000;

/**
 * Thaws in a row that may excuse the same silence. A process that runs at all reads its sockets between two timers; one that
 * is late every time is overloaded, and must not keep a dead wire for ever on that account.
 */
const THAWS_MAX = 3;

/** Timers come before what can be read; one turn later it has been read. */
const FINAL_READ_MS = 1;

const LIVENESS_TIMING: Required<LivenessTiming> = { idleMs: 5000, probeTimeoutMs: 5000, wakeProbeTimeoutMs: 1500 };

/** Whether a wire is alive. `expire`: the deadline of the phase has passed; `thaw`: it was missed by a process that did not run. */
export const LIVENESS_PHASES = phaseTable('liveness', 'off', {
  off: { start: 'idle', stop: 'off' },
  idle: { start: 'idle', receive: 'idle', expire: 'probing', thaw: 'waking', ask: 'waking', stop: 'off' },
  probing: { start: 'idle', receive: 'idle', expire: 'final-read', thaw: 'waking', ask: 'waking', stop: 'off' },
  /** Asked because the host slept or its network changed; the answer has less time. */
  waking: { start: 'idle', receive: 'idle', expire: 'final-read', thaw: 'waking', stop: 'off' },
  /** The time is up, and what has arrived meanwhile is read before the wire is given up. */
  'final-read': { start: 'idle', receive: 'idle', expire: 'off', thaw: 'waking', stop: 'off' },
});

/** Half of the time by which the side that asks is ahead of the other, as a part of `idleMs`. */
const LEAD = 1 / 20;

/**
 * Watches one wire. A sign of life is any byte; one that is found dead stays so until `start`.
 *
 * Where both sides watch, one of them leads: its probes go out a twentieth to a tenth before `idleMs`, so that they arrive before the
 * other side would ask, for which they are a sign of life. Both would ask in the same moment otherwise, and pay for two answers.
 */
export class Liveness {
  readonly #timing: Required<LivenessTiming>; // Shared by all sessions of a protocol.
  readonly #leads: boolean;
  #phase: PhaseOf<typeof LIVENESS_PHASES> = LIVENESS_PHASES.initial;
  #deadline = 0; // When idleness becomes a probe, or a probe a dead wire; in whole milliseconds, which take no memory of their own. Unused while off.
  #thaws = 0;

  constructor(timing: LivenessTiming = {}, leads = false) {
    this.#timing = isComplete(timing) ? timing : { ...LIVENESS_TIMING, ...timing };
    this.#leads = leads;
  }

  /** A new wire: whatever was known of the one before is forgotten. */
  start(now: number): void {
    this.#phase = step(LIVENESS_PHASES, this.#phase, 'start');
    this.#rest(now);
  }

  stop(): void {
    this.#phase = step(LIVENESS_PHASES, this.#phase, 'stop');
  }

  /** Anything came from the peer, the answer to a probe included. */
  received(now: number): void {
    if (this.#phase === 'off') return;
    if (this.#phase !== 'idle') this.#phase = step(LIVENESS_PHASES, this.#phase, 'receive'); // As a rule it is idle: this is called for each frame.
    this.#rest(now);
  }

  /** When `handleTimeout` wants to be called; `undefined` while there is nothing to watch. Being called earlier is harmless. */
  nextTimeout(): number | undefined {
    return this.#phase === 'off' ? undefined : this.#deadline;
  }

  /** How much earlier a probe may go out than `nextTimeout`. */
  get slackMs(): number {
    return this.#leads ? this.#timing.idleMs * LEAD : 0;
  }

  handleTimeout(now: number): LivenessAction {
    if (this.#phase === 'off' || now < (this.#phase === 'idle' ? this.#deadline - this.slackMs : this.#deadline)) return 'quiet';
    const thawed = now - this.#deadline > LATE_MS && this.#thaws < THAWS_MAX;
    if (thawed) {
      this.#thaws++;
      this.#phase = step(LIVENESS_PHASES, this.#phase, 'thaw');
      this.#deadline = Math.ceil(now) + this.#timing.wakeProbeTimeoutMs;
      return 'probe';
    }
    this.#phase = step(LIVENESS_PHASES, this.#phase, 'expire');
    if (this.#phase === 'off') return 'dead';
    if (this.#phase !== 'probing') {
      this.#deadline = Math.ceil(now) + FINAL_READ_MS;
      return 'quiet';
    }
    // One that is ahead leaves its answer the more time: a dead wire is found when it would be found without.
    this.#deadline = Math.max(Math.ceil(now), this.#deadline + this.slackMs) + this.#timing.probeTimeoutMs;
    return 'probe';
  }

  /**
   * The host slept, or the network changed: ask at once. True when a probe is to be sent. False when there is nothing to
   * watch, or when one sent for the same reason is still to be answered, so that asking often can't delay the result.
   */
  probeNow(now: number, wakeProbeTimeoutMs = this.#timing.wakeProbeTimeoutMs): boolean {
    if (!knows(LIVENESS_PHASES, this.#phase, 'ask')) return false;
    this.#phase = step(LIVENESS_PHASES, this.#phase, 'ask');
    this.#deadline = Math.ceil(now) + wakeProbeTimeoutMs;
    return true;
  }

  #rest(now: number): void {
    const { idleMs } = this.#timing;
    this.#deadline = Math.ceil(now) + (this.#leads ? idleMs - idleMs * LEAD : idleMs);
    this.#thaws = 0;
  }
}

function isComplete(timing: LivenessTiming): timing is Required<LivenessTiming> {
  return timing.idleMs !== undefined && timing.probeTimeoutMs !== undefined && timing.wakeProbeTimeoutMs !== undefined;
}

export interface WakeDetectorTiming {
  /** How often to look; a live or new wire within 3 s of a thaw needs this and the wake probe together to stay below. Default 1000. */
  readonly tickMs?: number;
  /** A tick that is later than this means that the host slept. Default 1000. */
  readonly lateMs?: number;
  /** The wall clock running away from the monotonic one by more than this says the host slept. Default 2000. */
  readonly jumpMs?: number;
}

/**
 * Notices that the host slept or the process was frozen. One per engine. On Linux the monotonic clock stands still in sleep
 * while the wall clock goes on; a frozen process misses its tick. Setting the wall clock by hours looks the same
 * and costs the same: one probe, for the difference of the clocks is measured afresh from tick to tick.
 */
export class WakeDetector {
  readonly #tickMs: number;
  readonly #lateMs: number;
  readonly #jumpMs: number;
  #tickAt: number;
  #offset: number; // Wall minus monotonic at the last tick.

  constructor(now: number, wall: number, timing: WakeDetectorTiming = {}) {
    this.#tickMs = timing.tickMs ?? 1000;
    this.#lateMs = timing.lateMs ?? 1000;
    this.#jumpMs = timing.jumpMs ?? 2000;
    this.#tickAt = now + this.#tickMs;
    this.#offset = wall - now;
  }

  /** When `handleTick` wants to be called. */
  nextTick(): number {
    return this.#tickAt;
  }

  /** `woken`: probe every wire once and let waiting redials go. */
  handleTick(now: number, wall: number): 'steady' | 'woken' {
    const late = now - this.#tickAt > this.#lateMs;
    const jumped = Math.abs(wall - now - this.#offset) > this.#jumpMs;
    this.#tickAt = now + this.#tickMs;
    this.#offset = wall - now;
    return late || jumped ? 'woken' : 'steady';
  }
}
