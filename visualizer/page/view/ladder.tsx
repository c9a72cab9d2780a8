import type { JSX } from 'preact';
import { momentText } from '../model/format.js';
import type { Folded } from '../model/happened.js';
import type { Step, Track } from '../model/track.js';

interface LadderProps {
  readonly steps: readonly Folded[];
  readonly current: number | undefined;
  readonly onChoose: (step: Step) => void;
}

/** Events around the moment shown; more would be no picture. */
const STEPS_SHOWN = 40;
const COLUMN_PX = 92;
const ROW_PX = 26;
const LEFT_PX = 64;
const TOP_PX = 28;

/** The same events as a sequence diagram: a column per actor, an arrow from the cause to the effect. */
export function Ladder({ steps, current = steps.length - 1, onChoose }: LadderProps): JSX.Element {
  const end = Math.min(steps.length, Math.max(current + STEPS_SHOWN / 2, STEPS_SHOWN));
  const shown = steps.slice(Math.max(0, end - STEPS_SHOWN), end);
  const columns: Track[] = [];
  for (const { step } of shown)
    for (const actor of [step.cause?.actor, step.actor]) if (actor !== undefined && !columns.includes(actor)) columns.push(actor);
  const x = (actor: Track): number => LEFT_PX + COLUMN_PX / 2 + columns.indexOf(actor) * COLUMN_PX;
  const width = LEFT_PX + columns.length * COLUMN_PX;
  const height = TOP_PX + shown.length * ROW_PX + 10;
  const currentStep = steps[current]?.step;
  return (
    <div class="ladder" role="group" aria-label="Sequence of events">
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <defs>
          <marker id="tip" orient="auto" refX="7" refY="3.5" markerWidth="8" markerHeight="7">
            <path d="M0 0L7 3.5L0 7z" />
          </marker>
        </defs>
        {columns.map((actor) => (
          <g key={actor.id} class="column">
            <text x={x(actor)} y={16} text-anchor="middle">
              {actor.name}
            </text>
            <line x1={x(actor)} x2={x(actor)} y1={22} y2={height} />
          </g>
        ))}
        {shown.map(({ step, times }, row) => {
          const y = TOP_PX + row * ROW_PX + ROW_PX / 2;
          const to = x(step.actor);
          const from = step.cause === undefined ? to : x(step.cause.actor);
          const isCurrent = step === currentStep;
          return (
            <g key={step.index} class={isCurrent ? 'message current' : 'message'} onClick={() => onChoose(step)}>
              <title>{`${momentText(step.ms)} ${step.actor.name}: ${step.event}, ${step.from.join(' & ')} → ${step.to.join(' & ')}`}</title>
              <rect x={0} y={y - ROW_PX / 2} width={width} height={ROW_PX} />
              <text class="at" x={4} y={y + 4}>
                {momentText(step.ms)}
              </text>
              {from === to ? (
                <circle cx={to} cy={y} r={3.5} />
              ) : (
                <line x1={from} x2={to + (from < to ? -3 : 3)} y1={y} y2={y} marker-end="url(#tip)" />
              )}
              <text
                class="event"
                x={from === to ? to + 7 : (from + to) / 2}
                y={y - 4}
                text-anchor={from === to ? 'start' : 'middle'}
              >
                {step.event}
                {times > 1 ? ` × ${times}` : ''}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
