import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly keyOf: (item: T, index: number) => string | number;
  readonly row: (item: T, index: number) => ComponentChildren;
  /** The row that is kept in view when it changes. */
  readonly current: number | undefined;
  readonly onChoose: (item: T, index: number) => void;
  readonly class?: string;
}

/** A list of any length that has only the visible rows in the document. Arrow keys, Page Up and Down, Home and End choose a row. */
export function VirtualList<T>(props: VirtualListProps<T>): JSX.Element {
  const { items, rowHeight, current } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });

  useEffect(() => {
    const element = box.current!;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => (observer.disconnect(), element.removeEventListener('scroll', measure));
  }, []);

  useLayoutEffect(() => {
    if (current === undefined || current < 0) return;
    const element = box.current!;
    const top = current * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight;
  }, [current, rowHeight, items.length, view.height]);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - 4);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + 4);
  const choose = (index: number): void => {
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (item !== undefined) props.onChoose(item, items.indexOf(item));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = current ?? -1;
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: items.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined || items.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    choose(to);
  };
  const rows: JSX.Element[] = [];
  for (let index = first; index < last; index++) {
    const item = items[index]!;
    const isCurrent = index === current;
    rows.push(
      <div
        key={props.keyOf(item, index)}
        id={isCurrent ? `${props.label}-current`.replaceAll(' ', '-') : undefined}
        role="option"
        aria-selected={isCurrent}
        aria-posinset={index + 1}
        aria-setsize={items.length}
        class={isCurrent ? 'row current' : 'row'}
        style={{ top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
        onClick={() => props.onChoose(item, index)}
      >
        {props.row(item, index)}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      class={`virtual ${props.class ?? ''}`}
      role="listbox"
      tabIndex={0}
      aria-label={props.label}
      aria-activedescendant={current === undefined ? undefined : `${props.label}-current`.replaceAll(' ', '-')}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: `${items.length * rowHeight}px` }}>{rows}</div>
    </div>
  );
}
