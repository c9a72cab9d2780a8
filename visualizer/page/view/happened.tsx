import type { JSX } from 'preact';
import { momentText } from '../model/format.js';
import type { Folded } from '../model/happened.js';
import { causesOf, type Step } from '../model/track.js';
import { Ladder } from './ladder.js';
import { VirtualList } from './virtual-list.js';

interface HappenedProps {
  readonly steps: readonly Folded[];
  /** The row of the moment shown. */
  readonly current: number | undefined;
  readonly chosen: Step | undefined;
  readonly scope: 'session' | 'all';
  readonly view: 'list' | 'sequence';
  readonly whyOpen: boolean;
  readonly onScope: (scope: 'session' | 'all') => void;
  readonly onView: (view: 'list' | 'sequence') => void;
  readonly onChoose: (step: Step) => void;
  readonly onWhy: () => void;
}

/** Events in order, each with what it changed and what caused it. */
export function Happened(props: HappenedProps): JSX.Element {
  const { steps, chosen, current, scope, view } = props;
  return (
    <section class="happened" aria-label="Events">
      <header>
        <h2>Events</h2>
        <select
          aria-label="Whose events"
          value={scope}
          onChange={(event) => props.onScope(event.currentTarget.value as 'session' | 'all')}
        >
          <option value="session">this session</option>
          <option value="all">all</option>
        </select>
        <button
          type="button"
          aria-pressed={view === 'sequence'}
          onClick={() => props.onView(view === 'list' ? 'sequence' : 'list')}
        >
          sequence
        </button>
        <button type="button" aria-pressed={props.whyOpen} disabled={chosen === undefined} onClick={props.onWhy}>
          why
        </button>
      </header>
      {props.whyOpen && chosen !== undefined && <Why step={chosen} onChoose={props.onChoose} />}
      {view === 'sequence' ? (
        <Ladder steps={steps} current={current} onChoose={props.onChoose} />
      ) : (
        <VirtualList
          label="Event list"
          items={steps}
          rowHeight={46}
          current={current}
          keyOf={({ step }) => step.index}
          onChoose={({ step }) => props.onChoose(step)}
          row={({ step, times }) => <EventRow step={step} times={times} />}
        />
      )}
      {steps.length === 0 && <p class="empty">Nothing has happened here yet.</p>}
    </section>
  );
}

function EventRow({ step, times }: { readonly step: Step; readonly times: number }): JSX.Element {
  const { ms, actor, event, refused } = step;
  return (
    <>
      <span class="at">{momentText(ms)}</span>
      <span class="who">{actor.name}</span>
      <span class="event">
        {event}
        {times > 1 && <b> × {times}</b>}
      </span>
      <span class="change">
        {changeText(step)}
        {causeText(step)}
        {refused.length > 0 && <span class="refused"> no: {refused.join(', ')}</span>}
      </span>
    </>
  );
}

/** The chain of causes, from the effect to where it began. */
function Why({ step, onChoose }: { readonly step: Step; readonly onChoose: (step: Step) => void }): JSX.Element {
  const chain = causesOf(step);
  const first = chain.at(-1)!;
  return (
    <ol class="why" aria-label="Why">
      {chain.map((each, depth) => (
        <li key={each.index} style={{ paddingInlineStart: `${Math.min(depth, 10) * 10}px` }}>
          <button type="button" onClick={() => onChoose(each)}>
            {depth === 0 ? '' : chain[depth - 1]!.isTimed ? 'a timer, set because ' : 'because '}
            <b>{each.actor.name}</b> got <code>{each.event}</code>: {changeText(each)}{' '}
            <span class="at">{momentText(each.ms)}</span>
          </button>
        </li>
      ))}
      <li class="origin">{`It began with ${first.source ?? 'the application or the network'}.`}</li>
    </ol>
  );
}

function causeText({ cause, source, isTimed }: Step): string {
  if (isTimed) return ' ⟵ timer';
  return cause !== undefined ? ` ⟵ ${cause.actor.name}` : source === undefined ? '' : ` ⟵ ${source}`;
}

function changeText({ from, to, at, isIgnored }: Step): string {
  if (isIgnored) return `ignored in ${shortened(at)}`;
  if (to.length === 0) return `stays in ${shortened(at)}`;
  return from.length === 0 ? `begins in ${shortened(to)}` : `${shortened(from)} → ${shortened(to)}`;
}

/** The last two steps of each path: the rest is in the chart beside it. */
export const shortened = (paths: readonly string[]): string =>
  paths.map((path) => path.split('.').slice(-2).join('.')).join(' & ');
