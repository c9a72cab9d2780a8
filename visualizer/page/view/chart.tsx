import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ChartOf } from '../model/charts.js';
import { bestPicture, isWithin } from '../model/charts.js';
import type { Step } from '../model/track.js';

interface ChartProps {
  readonly chart: ChartOf;
  /** The ids of the active states at the moment shown. */
  readonly active: readonly string[];
  readonly last: Step | undefined;
}

/** The chart of one actor: where it is lit at the moment shown, with the arrow that led there. */
export function Chart({ chart, active, last }: ChartProps): JSX.Element {
  const [chosen, setChosen] = useState<string | undefined>();
  const box = useRef<HTMLDivElement>(null);
  const picture = chart.pictures.find(({ of }) => of === chosen) ?? bestPicture(chart, active);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    for (const state of element.querySelectorAll<HTMLElement>('[data-state]')) {
      const id = state.dataset['state']!;
      const isLit = active.includes(id);
      // A closed state stands for all that is inside it.
      const isAround = !isLit && active.some((each) => isWithin(each, id));
      state.classList.toggle('lit', isLit || isAround);
      state.classList.toggle('leaf', isLit && !active.some((each) => each !== id && isWithin(each, id)));
    }
    for (const arrow of element.querySelectorAll<HTMLElement>('.arrow[data-from]'))
      arrow.classList.toggle('last', last !== undefined && isTaken(arrow.dataset, last));
  });

  return (
    <figure class="chart">
      {chart.pictures.length > 1 && (
        <label class="views">
          Part of the chart{' '}
          <select value={chosen ?? ''} onChange={(event) => setChosen(event.currentTarget.value || undefined)}>
            <option value="">where it is now</option>
            {chart.pictures.map(({ of }) => (
              <option key={of} value={of}>
                {of}
              </option>
            ))}
          </select>
        </label>
      )}
      {picture === undefined ? (
        <StateList chart={chart} active={active} />
      ) : (
        // Drawn by this package from the machine itself; nothing in it comes from a peer.
        <div ref={box} class="picture" dangerouslySetInnerHTML={{ __html: picture.svg }} />
      )}
      <figcaption>{active.length === 0 ? 'not begun at this moment' : `in ${leavesOf(active).join(' and ')}`}</figcaption>
    </figure>
  );
}

/** Charts without a drawing, as lists of states. */
function StateList({ chart, active }: { readonly chart: ChartOf; readonly active: readonly string[] }): JSX.Element {
  const itemOf = (id: string): JSX.Element => {
    const inner = chart.states.filter(({ parent }) => parent === id);
    return (
      <li key={id} class={active.includes(id) ? 'lit' : ''}>
        {chart.states.find((state) => state.id === id)!.title}
        {inner.length > 0 && <ul>{inner.map((child) => itemOf(child.id))}</ul>}
      </li>
    );
  };
  const [root] = chart.states;
  return <ul class="states">{root === undefined ? <li>The recording has no chart of this actor.</li> : itemOf(root.id)}</ul>;
}

const leavesOf = (active: readonly string[]): readonly string[] =>
  active.filter((id) => !active.some((each) => each !== id && isWithin(each, id)));

function isTaken({ from = '', to = '' }: DOMStringMap, { taken, states }: Step): boolean {
  const isPart = (id: string, shown: string): boolean => id === shown || (isWithin(id, shown) && states.includes(shown));
  return taken.some((arrow) => isPart(arrow.from, from) && arrow.to.some((id) => isPart(id, to)));
}
