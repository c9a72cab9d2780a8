import type { ChartFacts } from './chart-facts.js';
import { Contexts } from './contexts.js';
import type { Figures } from './figures.js';
import { Timers } from './timers.js';
import type { Tone } from './tone.js';
import type { Track } from './track.js';

/** An actor with what changes about it. */
export class Entry {
  states: readonly string[] = [];
  isSession = false;
  hasWorked = false;
  readonly figures: Figures[] = [];
  readonly contexts = new Contexts();
  readonly timers = new Timers();

  constructor(
    readonly track: Track,
    readonly facts: ChartFacts | undefined,
  ) {}

  /** Begins a new segment of its bar, if this is another tone or word than before. */
  begin(ms: number, { tone, word }: { readonly tone: Tone; readonly word: string }): void {
    const { segments } = this.track;
    const last = segments.at(-1);
    if (last !== undefined && last.tone === tone && last.state === word) return;
    if (last !== undefined) segments[segments.length - 1] = { ...last, toMs: ms };
    segments.push({ fromMs: ms, toMs: undefined, tone, state: word });
  }
}
