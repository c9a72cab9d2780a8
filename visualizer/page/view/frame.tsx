import type { ComponentChildren, JSX, RefObject } from 'preact';
import { countText, durationText } from '../model/format.js';
import type { SessionRow } from '../model/sessions.js';
import type { Source } from '../model/source.js';

export type Tab = 'sessions' | 'session' | 'happened';
const TAB_WORDS: Readonly<Record<Tab, string>> = { sessions: 'Sessions', session: 'Session', happened: 'Events' };

interface TopProps {
  readonly source: Source;
  readonly rows: readonly SessionRow[];
  readonly query: string;
  readonly complaint: string | undefined;
  readonly onQuery: (text: string) => void;
  /** Enter: the first session that was found. */
  readonly onFound: () => void;
  readonly search: RefObject<HTMLInputElement | null>;
  readonly children: ComponentChildren;
}

/** The first line: is it live, is anything wrong, and the search. */
export function Top({ source, rows, query, complaint, onQuery, onFound, search, children }: TopProps): JSX.Element {
  const count = (tone: SessionRow['tone']): number => rows.filter((row) => row.tone === tone).length;
  const { world, status, message } = source;
  const broken = count('broken');
  const resumes = rows.reduce((sum, row) => sum + row.resumes, 0);
  const lasted = durationText(world.range.toMs - world.range.fromMs);
  return (
    <header class="top">
      <h1>holdfast</h1>
      <span class={status === 'live' ? 'live' : status === 'ended' ? 'over' : 'muted'} role="status">
        {status === 'live'
          ? `● live, ${lasted}`
          : status === 'ended'
            ? `■ ended; the last ${lasted} stay`
            : status === 'file'
              ? `recording, ${lasted}`
              : 'connecting'}
      </span>
      <span class="fact">
        <b>{countText(rows.length)}</b> {rows.length === 1 ? 'session' : 'sessions'}
      </span>
      <span class="fact">
        <b>{countText(count('good') + count('partial'))}</b> carrying data
      </span>
      <span class={broken > 0 ? 'fact over' : 'fact'}>
        <b>{countText(broken)}</b> interrupted
      </span>
      <span class="fact">
        <b>{countText(resumes)}</b> {resumes === 1 ? 'interruption' : 'interruptions'}
      </span>
      {children}
      <button type="button" onClick={() => source.export()}>
        export
      </button>
      <label class="import">
        import
        <input
          type="file"
          accept=".jsonl,.ndjson,.json,.txt"
          aria-label="Import a recording"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file !== undefined) void source.import(file);
          }}
        />
      </label>
      <button type="button" onClick={toggleTheme} aria-label="Dark or light">
        ◑
      </button>
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <input
          ref={search}
          type="search"
          value={query}
          placeholder="state:suspended  peer:server  closing:*"
          aria-label="Search sessions"
          aria-invalid={complaint !== undefined}
          onInput={(event) => onQuery(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && (onFound(), event.currentTarget.blur())}
        />
        {complaint !== undefined && (
          <div class="complaint" role="alert">
            {complaint}
          </div>
        )}
      </form>
      {message !== undefined && (
        <p class="closing" role="alert">
          {message}
        </p>
      )}
    </header>
  );
}

/** Of the three columns one at a time, where the page is narrow. */
export function Tabs({ tab, onTab }: { readonly tab: Tab; readonly onTab: (tab: Tab) => void }): JSX.Element {
  return (
    <nav class="tabs" aria-label="Columns">
      {(Object.keys(TAB_WORDS) as Tab[]).map((each) => (
        <button key={each} type="button" aria-pressed={each === tab} onClick={() => onTab(each)}>
          {TAB_WORDS[each]}
        </button>
      ))}
    </nav>
  );
}

const KEYS: readonly (readonly [key: string, what: string])[] = [
  ['/', 'search'],
  ['j k', 'sessions'],
  ['← →', 'step'],
  ['space', 'play'],
  ['c', 'cause'],
  ['s', 'sequence'],
  ['a', 'all'],
  ['l', 'live'],
  ['e', 'export'],
];

export function Footer({ text }: { readonly text: string }): JSX.Element {
  return (
    <footer class="foot">
      <span>{text}</span>
      <span class="keys">
        {KEYS.map(([key, what]) => (
          <span key={key}>
            <kbd>{key}</kbd> {what}{' '}
          </span>
        ))}
      </span>
    </footer>
  );
}

/** The system decides until the button is used. */
function toggleTheme(): void {
  const root = document.documentElement;
  const isDark =
    root.dataset['theme'] === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : root.dataset['theme'] === 'dark';
  root.dataset['theme'] = isDark ? 'light' : 'dark';
}
