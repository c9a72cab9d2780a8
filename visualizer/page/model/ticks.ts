import { durationText } from './format.js';
import type { Range } from './tone.js';

export interface Tick {
  readonly atMs: number;
  readonly label: string;
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];

/** Round moments in a stretch of time, about as many as there is room for. */
export function ticksOf({ fromMs, toMs }: Range, about: number): readonly Tick[] {
  const span = Math.max(1, toMs - fromMs);
  let step = STEPS_MS.find((each) => span / each <= about) ?? 0;
  if (step === 0) for (step = 1_800_000; span / step > about;) step *= 2;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push({ atMs: at, label: tickText(at, step) });
  return ticks;
}

function tickText(ms: number, step: number): string {
  if (step >= 60_000 || ms >= 600_000) {
    const seconds = Math.round(ms / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
  if (ms === 0) return '0';
  return step < 1000 && ms < 1000
    ? durationText(ms)
    : `${(ms / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : step < 1000 ? 1 : 0)} s`;
}

/** The shortest stretch that can be shown. */
const SPAN_MIN_MS = 5;

/** A stretch made longer or shorter around a moment, and moved; inside the whole. Undefined where it is the whole again. */
export function zoomed(whole: Range, shown: Range, factor: number, aroundMs: number, byMs: number): Range | undefined {
  const span = Math.max(SPAN_MIN_MS, (shown.toMs - shown.fromMs) * factor);
  if (span >= whole.toMs - whole.fromMs) return undefined;
  const share = (aroundMs - shown.fromMs) / Math.max(1e-6, shown.toMs - shown.fromMs);
  const wanted = aroundMs - share * span + byMs;
  const fromMs = Math.min(Math.max(whole.fromMs, wanted), whole.toMs - span);
  return { fromMs, toMs: fromMs + span };
}
