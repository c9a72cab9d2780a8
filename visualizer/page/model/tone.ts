/** How a session, a link or any other actor fares, as a colour and as a word and a shape: nothing is said by colour alone. */
export type Tone = 'good' | 'partial' | 'working' | 'broken' | 'ended' | 'idle';

export const TONE_WORDS: Readonly<Record<Tone, string>> = {
  good: 'works',
  partial: 'works in part',
  working: 'on its way',
  broken: 'interrupted or failed',
  ended: 'ended',
  idle: 'at rest',
};

export const TONE_SIGNS: Readonly<Record<Tone, string>> = {
  good: '●',
  partial: '◐',
  working: '◌',
  broken: '▲',
  ended: '■',
  idle: '○',
};

/** A stretch of time in one state. `toMs` is undefined as long as it lasts. */
export interface Segment {
  readonly fromMs: number;
  readonly toMs: number | undefined;
  readonly tone: Tone;
  readonly state: string;
}

/** The states of one actor over time: a line of the timeline. */
export interface Bar {
  readonly id: string;
  readonly label: string;
  readonly segments: readonly Segment[];
}

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The segment of a moment; undefined before the first. Segments are in order and meet. */
export function segmentAt(segments: readonly Segment[], ms: number): Segment | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle]!.fromMs <= ms) low = middle + 1;
    else high = middle;
  }
  const found = segments[low - 1];
  return found !== undefined && (found.toMs === undefined || ms <= found.toMs) ? found : undefined;
}
