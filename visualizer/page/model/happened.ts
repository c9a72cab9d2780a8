import { countUntil, type Step } from './track.js';

/** Steps in a row that say the same, as one. */
export interface Folded {
  readonly step: Step;
  readonly times: number;
  /** Of the last of them. */
  readonly untilMs: number;
}

/** Folds what one actor did several times in a row, without anything between: the same event with the same change. */
export function folded(steps: readonly Step[]): readonly Folded[] {
  const rows: Folded[] = [];
  for (const step of steps) {
    const last = rows.at(-1);
    if (last !== undefined && isSame(last.step, step))
      rows[rows.length - 1] = { ...last, times: last.times + 1, untilMs: step.ms };
    else rows.push({ step, times: 1, untilMs: step.ms });
  }
  return rows;
}

function isSame(one: Step, other: Step): boolean {
  return one.actor === other.actor && one.event === other.event && `${one.from} ${one.to}` === `${other.from} ${other.to}`;
}

/** The row of a moment: the last that began by then. Undefined before the first. */
export function rowAt(rows: readonly Folded[], ms: number): number | undefined {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.step.ms <= ms) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

/** The steps of several actors in order of time; those of one moment in the order in which they were taken. */
export function mergedSteps(tracks: Iterable<{ readonly steps: readonly Step[] }>, untilMs = Infinity): readonly Step[] {
  const all: Step[] = [];
  for (const { steps } of tracks) for (let i = 0, end = countUntil(steps, untilMs); i < end; i++) all.push(steps[i]!);
  return all.sort((a, b) => a.index - b.index);
}
