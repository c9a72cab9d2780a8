import { bytesText, countText, durationText } from './format.js';
import { countUntil } from './track.js';

/** The figures of one session or link at one moment, by name; units last, as everywhere: `queuedBytes`, `rttMs`. */
export interface Figures {
  readonly ms: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface FigureCard {
  readonly label: string;
  readonly text: string;
  readonly points: readonly { readonly ms: number; readonly value: number }[];
}

/** A card for each figure that was ever more than nothing, with its value at a moment and its course. */
export function cardsOf(samples: readonly Figures[], atMs: number): readonly FigureCard[] {
  const now = samples[countUntil(samples, atMs) - 1];
  const most = new Map<string, number>();
  for (const { values } of samples)
    for (const [name, value] of Object.entries(values)) most.set(name, Math.max(value, most.get(name) ?? 0));
  const names = [...most.keys()].filter((name) => most.get(name)! > 0);
  return names.map((name) => ({
    label: labelOf(name),
    text: textOf(name, now?.values[name]),
    points: samples.flatMap(({ ms, values }) => (values[name] === undefined ? [] : [{ ms, value: values[name] }])),
  }));
}

/** How fast a count grew, per second, from sample to sample. */
export function rateOf(samples: readonly Figures[], name: string): readonly { readonly ms: number; readonly value: number }[] {
  return samples.slice(1).flatMap(({ ms, values }, index) => {
    const before = samples[index]!;
    const [from, to] = [before.values[name], values[name]];
    if (from === undefined || to === undefined || ms <= before.ms) return [];
    return [{ ms, value: Math.max(0, ((to - from) * 1000) / (ms - before.ms)) }];
  });
}

/** `queuedBytes` is shown as "queued", `rttMs` as "rtt": the unit stands at the figure. */
function labelOf(name: string): string {
  return name
    .replace(/(Bytes|Ms)$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
}

function textOf(name: string, value: number | undefined): string {
  if (value === undefined) return '–';
  if (name.endsWith('Bytes')) return bytesText(value);
  return name.endsWith('Ms') ? durationText(value) : countText(value);
}
