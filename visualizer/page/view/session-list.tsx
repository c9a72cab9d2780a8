import type { JSX } from 'preact';
import { countText } from '../model/format.js';
import { TONE_SIGNS, TONE_WORDS } from '../model/tone.js';
import type { SessionRow } from '../model/sessions.js';
import { VirtualList } from './virtual-list.js';

interface SessionListProps {
  readonly sessions: readonly SessionRow[];
  readonly total: number;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

/** All sessions of the moment shown, those in trouble first. */
export function SessionList({ sessions, total, chosen, onChoose }: SessionListProps): JSX.Element {
  const current = sessions.findIndex(({ id }) => id === chosen);
  return (
    <section class="sessions" aria-label="Sessions">
      <header>
        <h2>Sessions</h2>
        <span class="muted">
          {sessions.length === total ? 'by trouble' : `${countText(sessions.length)} of ${countText(total)}, by trouble`}
        </span>
      </header>
      <VirtualList
        label="Sessions by trouble"
        items={sessions}
        rowHeight={30}
        current={current < 0 ? undefined : current}
        keyOf={({ id }) => id}
        onChoose={({ id }) => onChoose(id)}
        row={(session) => <SessionLine session={session} />}
      />
      {sessions.length === 0 && (
        <p class="empty">{total === 0 ? 'No session has begun by this moment.' : 'No session matches the search.'}</p>
      )}
    </section>
  );
}

function SessionLine({ session }: { readonly session: SessionRow }): JSX.Element {
  const { name, peer, word, tone, resumes } = session;
  return (
    <>
      <span class={`sign ${tone}`} role="img" aria-label={TONE_WORDS[tone]}>
        {TONE_SIGNS[tone]}
      </span>
      <span class="name" title={`${session.track.fullName}, peer ${peer}`}>
        {name}
      </span>
      <span class="muted">{word}</span>
      <span class="muted resumes" title={`interrupted ${resumes} times`}>
        {resumes > 0 ? `${resumes} ↻` : ''}
      </span>
    </>
  );
}
