import type { RecordingLine } from './format.js';
import { stateLineOf, type Seen } from './seen.js';

/** Takes the lines of a recording in order. The lines are the sink's own: the recorder keeps none. Never throws. */
export interface RecordingSink {
  /** `session`: the number of the connection's actor that the line belongs to, if any. */
  write(line: RecordingLine, session: number | undefined): void;
  /** The session ended badly: its lines are worth more than others. */
  endedBadly?(session: number): void;
  /** The engine has ended, or `stop` was called. */
  end?(): void;
}

interface Waiting {
  readonly line: RecordingLine;
  readonly seen: Seen | undefined;
  readonly order: number;
}

/** Lines of one turn that wait to be put in order; a longer turn is written in parts. */
const TURN_LINES_MAX = 1000;
/** The rate is kept over this time. */
const WINDOW_MS = 1000;
/** Lines that tell what an actor does. Without one of the others a reader would not know who there is, or how a session ended. */
const MAY_BE_LEFT_OUT: ReadonlySet<RecordingLine['type']> = new Set(['step', 'timer', 'timer-cancelled', 'engine']);

/**
 * An actor that causes an effect is done after it: the lines of a turn are put in the order in which their steps began. Above a rate lines
 * are left out, and counted; an actor of which something is missing has its whole state written later.
 */
export class Turn {
  #lines: Waiting[] = [];
  #windowEnd = -Infinity;
  #written = 0; // In this window.
  #dropped = 0;
  readonly #stale = new Set<Seen>();

  constructor(
    readonly sink: RecordingSink,
    readonly linesPerSecondMax: number,
  ) {}

  get isLong(): boolean {
    return this.#lines.length > TURN_LINES_MAX;
  }

  add(line: RecordingLine, seen: Seen | undefined, order: number): void {
    this.#lines.push({ line, seen, order });
  }

  write(t: number): void {
    if (t >= this.#windowEnd) this.#turnWindow(t);
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    if (lines.length > 1) lines.sort((a, b) => a.order - b.order);
    for (const { line, seen } of lines) {
      if (line.type === 'ended' && seen !== undefined) this.#stale.delete(seen);
      if (MAY_BE_LEFT_OUT.has(line.type) && ++this.#written > this.linesPerSecondMax) {
        this.#dropped++;
        if (seen?.chart !== undefined && line.type !== 'engine') this.#stale.add(seen);
        continue;
      }
      this.sink.write(line, seen?.session);
    }
    // The state of now, which includes the lines above.
    if (this.#stale.size > 0 && this.#written < this.linesPerSecondMax) this.#refresh(t);
  }

  /** Called once a second at least, so that the end of a flood is written also where nothing more happens. */
  #turnWindow(t: number): void {
    this.#windowEnd = t + WINDOW_MS;
    this.#written = 0;
    if (this.#dropped > 0) this.sink.write({ type: 'dropped', t, n: this.#dropped }, undefined);
    this.#dropped = 0;
    if (this.#lines.length === 0) this.#refresh(t);
  }

  #refresh(t: number): void {
    for (const seen of this.#stale) {
      if (this.#written >= this.linesPerSecondMax) break;
      this.#written++;
      this.#stale.delete(seen);
      if (seen.isOver !== true) this.sink.write(stateLineOf(seen, t), seen.session);
    }
  }
}
