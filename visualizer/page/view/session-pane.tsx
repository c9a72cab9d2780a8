import type { JSX } from 'preact';
import type { ChartOf } from '../model/charts.js';
import { durationText, momentText } from '../model/format.js';
import type { FigureCard } from '../model/figures.js';
import { segmentAt, TONE_SIGNS, TONE_WORDS, type Tone } from '../model/tone.js';
import type { Step, Track } from '../model/track.js';
import { Chart } from './chart.js';
import { shortened } from './happened.js';
import { Sparkline } from './sparkline.js';

export interface Branch {
  readonly track: Track;
  readonly depth: number;
  readonly tone: Tone;
  /** Its state at the moment shown, in words. */
  readonly state: string;
}

interface SessionPaneProps {
  readonly session: Track;
  readonly actor: Track;
  readonly branches: readonly Branch[];
  readonly figures: readonly FigureCard[];
  readonly waits: readonly string[];
  readonly chart: ChartOf | undefined;
  readonly active: readonly string[];
  readonly last: Step | undefined;
  readonly atMs: number;
  readonly context: Readonly<Record<string, unknown>> | undefined;
  readonly advice: { readonly happened: string; readonly advice: string } | undefined;
  readonly onChoose: (id: string) => void;
}

/** One session at one moment: where it stands, its figures, what it waits for, and the chart of the chosen actor. */
export function SessionPane(props: SessionPaneProps): JSX.Element {
  const { session, actor, branches, figures, waits, chart, atMs, context, last } = props;
  const closing = session.closing !== undefined && session.closing.ms <= atMs ? session.closing : undefined;
  return (
    <section class="session" aria-label="Session">
      <header>
        <h2 class="trail">
          {trailOf(actor).map((each, depth) => (
            <span key={each.id}>
              {depth > 0 && <span class="muted"> › </span>}
              <button type="button" class={each === actor ? 'here' : ''} onClick={() => props.onChoose(each.id)}>
                {each.name}
              </button>
            </span>
          ))}
          <span class="muted">
            {' '}
            at {momentText(atMs)}
            {last === undefined ? '' : `: ${shortened(last.at)}, for ${durationText(Math.max(0, atMs - last.ms))}`}
          </span>
        </h2>
      </header>
      {closing !== undefined && (
        <p class={`closing ${segmentAt(session.segments, atMs)?.tone ?? ''}`} role="status">
          <b>{closing.code}</b> ({closing.side === 'remote' ? 'by the peer or the network' : 'by this side'}) at{' '}
          {momentText(closing.ms)}
          {closing.detail === undefined ? '' : `: ${closing.detail}`}. {props.advice?.happened} {props.advice?.advice}
        </p>
      )}
      {figures.length > 0 && (
        <dl class="figures">
          {figures.map(({ label, text, points }) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
              <Sparkline points={points} atMs={atMs} label={`${label} over time`} />
            </div>
          ))}
        </dl>
      )}
      {waits.length > 0 && <p class="waits">{`Waits for ${waits.join('; ')}.`}</p>}
      <div class="anatomy">
        <ul class="tree" aria-label="Actors of this session">
          {branches.map(({ track, depth, tone, state }) => (
            <li key={track.id} style={{ paddingInlineStart: `${depth * 14}px` }}>
              <button type="button" aria-pressed={track === actor} onClick={() => props.onChoose(track.id)}>
                <span class={`sign ${tone}`} role="img" aria-label={TONE_WORDS[tone]}>
                  {TONE_SIGNS[tone]}
                </span>
                {track.name} <small>{state}</small>
              </button>
            </li>
          ))}
        </ul>
        {chart === undefined ? (
          <p class="empty">{`${actor.name} has no chart in this recording.`}</p>
        ) : (
          <Chart key={chart.id} chart={chart} active={props.active} last={last} />
        )}
      </div>
      {context !== undefined && Object.keys(context).length > 0 && (
        <details class="context">
          <summary>Context of {actor.name} at this moment</summary>
          <pre>{JSON.stringify(context, undefined, 2)}</pre>
        </details>
      )}
    </section>
  );
}

function trailOf(actor: Track): readonly Track[] {
  const trail: Track[] = [];
  for (let at: Track | undefined = actor; at !== undefined; at = at.parent)
    if (at.chart !== '' || at === actor) trail.unshift(at);
  return trail;
}
