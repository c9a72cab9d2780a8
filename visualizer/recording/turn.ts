import type { RecordingLine } from './format.js';

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
  readonly session: number | undefined;
  readonly order: number;
}

/** Lines of one turn that wait to be put in order; a longer turn is written in parts. */
const TURN_LINES_MAX = 1000;

/** An actor that causes an effect is done after it: the lines of a turn are put in the order in which their steps began. */
export class Turn {
  #lines: Waiting[] = [];

  constructor(readonly sink: RecordingSink) {}

  get isLong(): boolean {
    return this.#lines.length > TURN_LINES_MAX;
  }

  add(line: RecordingLine, session: number | undefined, order: number): void {
    this.#lines.push({ line, session, order });
  }

  write(): void {
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    if (lines.length > 1) lines.sort((a, b) => a.order - b.order);
    for (const { line, session } of lines) this.sink.write(line, session);
  }
}
