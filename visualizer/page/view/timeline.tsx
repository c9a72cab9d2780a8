import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { momentText } from '../model/format.js';
import { segmentAt, TONE_WORDS, type Bar, type Range, type Tone } from '../model/tone.js';
import { ticksOf, zoomed } from '../model/ticks.js';

export interface Plot {
  readonly label: string;
  readonly points: readonly { readonly ms: number; readonly value: number }[];
  readonly textOf: (value: number) => string;
}

export interface TimelineProps {
  /** All that was recorded, and the part of it that is shown. */
  readonly whole: Range;
  readonly shown: Range;
  /** The chosen session and its links, each with a label. */
  readonly bars: readonly Bar[];
  readonly plot: Plot | undefined;
  /** All sessions, thin and without labels, those in trouble first. */
  readonly crowd: readonly Bar[];
  readonly crowdLabel: string;
  readonly atMs: number;
  readonly isLive: boolean;
  readonly onSeek: (ms: number) => void;
  readonly onStep: (by: -1 | 1) => void;
  readonly onShow: (range: Range | undefined) => void;
}

const LABEL_PX = 132;
const AXIS_PX = 24;
const BAR_PX = 15;
const PLOT_PX = 30;
const CROWD_PX = 40;
const MARGIN_PX = 14;

/** The states of every session over time, as bars, with the throughput below them. Dragging moves the playhead. */
export function Timeline(props: TimelineProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(800);
  const [hint, setHint] = useState('');
  const { bars, plot, crowd, shown, whole } = props;
  const labelPx = width < 560 ? 74 : LABEL_PX;
  const height =
    AXIS_PX + bars.length * BAR_PX + (plot === undefined ? 0 : PLOT_PX) + (crowd.length === 0 ? 0 : CROWD_PX + 6) + 6;

  useEffect(() => {
    const element = canvas.current!.parentElement!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = canvas.current!;
    const ratio = globalThis.devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const context = element.getContext('2d')!;
    context.scale(ratio, ratio);
    new Painter(context, props, width, height, labelPx).paint();
  });

  const toMs = (x: number): number => {
    const share = (x - labelPx) / Math.max(1, width - labelPx - MARGIN_PX);
    return Math.min(Math.max(shown.fromMs + share * (shown.toMs - shown.fromMs), whole.fromMs), whole.toMs);
  };
  const seek = (event: PointerEvent): void => props.onSeek(toMs(event.offsetX));
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const around = toMs(event.offsetX);
    const span = shown.toMs - shown.fromMs;
    props.onShow(
      isPan
        ? zoomed(whole, shown, 1, around, ((event.deltaX || event.deltaY) / width) * span)
        : zoomed(whole, shown, Math.exp(event.deltaY / 400), around, 0),
    );
  };
  useEffect(() => {
    // A passive listener, Preact's default for the wheel, could not keep the page from scrolling.
    const element = canvas.current!;
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const span = shown.toMs - shown.fromMs;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => props.onStep(-1),
      ArrowRight: () => props.onStep(1),
      PageUp: () => props.onSeek(Math.max(whole.fromMs, props.atMs - span / 10)),
      PageDown: () => props.onSeek(Math.min(whole.toMs, props.atMs + span / 10)),
      Home: () => props.onSeek(whole.fromMs),
      End: () => props.onSeek(whole.toMs),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  const onHover = (event: PointerEvent): void => {
    if ((event.buttons & 1) === 1) seek(event);
    setHint(hintAt(props, toMs(event.offsetX), event.offsetY));
  };
  return (
    <section class="timeline" aria-label="Timeline">
      <canvas
        ref={canvas}
        style={{ width: `${width}px`, height: `${height}px` }}
        role="slider"
        tabIndex={0}
        title={hint}
        aria-label="Moment shown; arrow keys step"
        aria-valuemin={Math.round(whole.fromMs)}
        aria-valuemax={Math.round(whole.toMs)}
        aria-valuenow={Math.round(props.atMs)}
        aria-valuetext={`${momentText(props.atMs)}${props.isLive ? ', live' : ''}`}
        onPointerDown={(event) => (event.currentTarget.setPointerCapture(event.pointerId), seek(event))}
        onPointerMove={onHover}
        onDblClick={() => props.onShow(undefined)}
        onKeyDown={onKeyDown}
      />
    </section>
  );
}

function hintAt({ bars }: TimelineProps, ms: number, y: number): string {
  const bar = bars[Math.floor((y - AXIS_PX) / BAR_PX)];
  const segment = bar === undefined || y < AXIS_PX ? undefined : segmentAt(bar.segments, ms);
  if (bar === undefined || segment === undefined) return momentText(ms);
  return `${bar.label} at ${momentText(ms)}: ${segment.state} (${TONE_WORDS[segment.tone]})`;
}

class Painter {
  readonly #colors = getComputedStyle(document.documentElement);

  constructor(
    readonly to: CanvasRenderingContext2D,
    readonly props: TimelineProps,
    readonly width: number,
    readonly height: number,
    readonly labelPx: number,
  ) {}

  paint(): void {
    const { bars, plot, crowd, crowdLabel } = this.props;
    this.to.font = '11px ui-sans-serif, system-ui, sans-serif';
    this.to.textBaseline = 'middle';
    this.#axis();
    let y = AXIS_PX;
    for (const bar of bars) {
      this.#label(bar.label, y + BAR_PX / 2);
      this.#bars(bar, y + 1.5, BAR_PX - 3);
      y += BAR_PX;
    }
    if (plot !== undefined) {
      this.#plot(plot, y + 3, PLOT_PX - 5);
      y += PLOT_PX;
    }
    if (crowd.length > 0) {
      this.#label(crowdLabel, y + CROWD_PX / 2 + 3);
      const each = Math.min(8, CROWD_PX / crowd.length);
      crowd.forEach((bar, index) => this.#bars(bar, y + 3 + index * each, Math.max(0.5, each >= 3 ? each - 1 : each)));
    }
    this.#playhead();
  }

  #color(name: string): string {
    return this.#colors.getPropertyValue(`--${name}`);
  }

  #x(ms: number): number {
    const { fromMs, toMs } = this.props.shown;
    const share = (ms - fromMs) / Math.max(1e-6, toMs - fromMs);
    return this.labelPx + share * (this.width - this.labelPx - MARGIN_PX);
  }

  #axis(): void {
    const { to } = this;
    for (const ms of ticksOf(this.props.shown, Math.max(2, (this.width - this.labelPx) / 110))) {
      const x = Math.round(this.#x(ms.atMs)) + 0.5;
      to.strokeStyle = this.#color('line');
      to.beginPath();
      to.moveTo(x, AXIS_PX - 4);
      to.lineTo(x, this.height);
      to.stroke();
      to.fillStyle = this.#color('muted');
      to.textAlign = x > this.width - 50 ? 'right' : 'left';
      to.fillText(ms.label, x + (x > this.width - 50 ? -2 : 0), 10);
    }
  }

  #label(text: string, y: number): void {
    this.to.fillStyle = this.#color('muted');
    this.to.textAlign = 'left';
    this.to.fillText(text, MARGIN_PX, y, this.labelPx - MARGIN_PX - 4);
  }

  #bars({ segments }: Bar, y: number, height: number): void {
    const { shown, whole } = this.props;
    const right = this.width - MARGIN_PX;
    for (const { fromMs, toMs = whole.toMs, tone } of segments) {
      if (toMs < shown.fromMs || fromMs > shown.toMs) continue;
      const from = Math.max(this.labelPx, this.#x(fromMs));
      // However short an outage was, it stays visible; a good stretch may vanish between two of them.
      const least = tone === 'good' || tone === 'ended' ? 0 : 2;
      const until = Math.min(right, Math.max(this.#x(toMs), from + least));
      if (until <= from) continue;
      this.to.fillStyle = this.#color(TONE_COLORS[tone]);
      this.to.fillRect(from, y, until - from, tone === 'ended' ? Math.max(1, height / 4) : height);
    }
  }

  #plot({ label, points, textOf }: Plot, y: number, height: number): void {
    this.#label(label, y + height / 2);
    const { to } = this;
    const { shown } = this.props;
    const seen = points.filter(({ ms }) => ms >= shown.fromMs && ms <= shown.toMs);
    const most = seen.reduce((max, { value }) => Math.max(max, value), 0);
    if (seen.length < 2 || most <= 0) return;
    to.strokeStyle = this.#color('accent');
    to.lineWidth = 1.4;
    to.beginPath();
    for (const { ms, value } of seen) to.lineTo(this.#x(ms), y + height - (value / most) * height);
    to.stroke();
    to.lineWidth = 1;
    to.fillStyle = this.#color('muted');
    to.textAlign = 'right';
    to.fillText(`most ${textOf(most)}`, this.width - MARGIN_PX, y + 5);
  }

  #playhead(): void {
    const { to } = this;
    const x = this.#x(this.props.atMs);
    if (x < this.labelPx - 1 || x > this.width) return;
    to.fillStyle = to.strokeStyle = this.#color('accent');
    to.lineWidth = 2;
    to.beginPath();
    to.moveTo(x, 18);
    to.lineTo(x, this.height);
    to.stroke();
    to.beginPath();
    to.arc(x, 18, 4.5, 0, 2 * Math.PI);
    to.fill();
    to.lineWidth = 1;
  }
}

const TONE_COLORS: Readonly<Record<Tone, string>> = {
  good: 'good',
  partial: 'partial',
  working: 'working',
  broken: 'broken',
  ended: 'ended',
  idle: 'idle',
};
