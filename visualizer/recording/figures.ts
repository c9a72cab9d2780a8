import type { AnyActorRef } from 'xstate';
import type { Clock } from '../../machines/ports.js';

type Counts = Readonly<Record<string, number>>;

/** The clock of a recording's figures, and what of them has changed. */
export class Figures {
  readonly #last = new WeakMap<AnyActorRef, Counts>();
  #timer: unknown;
  #hasStopped = false;

  constructor(
    readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
    readonly everyMs: number,
    readonly tick: () => void,
  ) {
    this.#arm();
  }

  stop(): void {
    this.#hasStopped = true;
    this.clock.clearTimeout(this.#timer);
  }

  /** Undefined: none has changed since the last call for this actor. */
  changed(actor: AnyActorRef, counts: Counts): Counts | undefined {
    const last = this.#last.get(actor);
    const changed: Record<string, number> = {};
    let hasChanged = false;
    for (const [name, count] of Object.entries(counts)) {
      if (last?.[name] === count || !Number.isFinite(count)) continue;
      changed[name] = count;
      hasChanged = true;
    }
    if (!hasChanged) return undefined;
    this.#last.set(actor, { ...last, ...changed });
    return changed;
  }

  #arm(): void {
    this.#timer = this.clock.setTimeout(() => {
      this.tick();
      if (!this.#hasStopped) this.#arm();
    }, this.everyMs);
    // A recording is no reason for a process to go on.
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }
}
