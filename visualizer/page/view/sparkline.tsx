import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';

export interface Point {
  readonly ms: number;
  readonly value: number;
}

const WIDTH = 96;
const HEIGHT = 14;
/** More points than pixels show nothing more. */
const POINTS_MAX = 2 * WIDTH;

/** A small plot of one figure over the whole recording, with a mark at the moment shown. */
export function Sparkline({
  points,
  atMs,
  label,
}: {
  readonly points: readonly Point[];
  readonly atMs: number;
  readonly label: string;
}): JSX.Element | null {
  const [first] = points;
  const last = points.at(-1);
  const path = useMemo(() => pathOf(points), [points]);
  if (first === undefined || last === undefined || first === last) return null;
  const x = ((atMs - first.ms) / Math.max(1, last.ms - first.ms)) * WIDTH;
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path d={path} />
      {x >= 0 && x <= WIDTH && <line x1={x} x2={x} y1={0} y2={HEIGHT} />}
    </svg>
  );
}

function pathOf(points: readonly Point[]): string {
  const every = Math.max(1, Math.ceil(points.length / POINTS_MAX));
  const shown = points.filter((_, index) => index % every === 0 || index === points.length - 1);
  const most = shown.reduce((max, { value }) => Math.max(max, value), 0) || 1;
  const [from, to] = [shown[0]!.ms, shown.at(-1)!.ms];
  const at = ({ ms, value }: Point): string =>
    `${(((ms - from) / Math.max(1, to - from)) * WIDTH).toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
  return `M${shown.map(at).join('L')}`;
}
