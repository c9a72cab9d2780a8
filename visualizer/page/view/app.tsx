import type { JSX } from 'preact';
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { cardsOf, rateOf } from '../model/figures.js';
import { bytesText, countText, durationText } from '../model/format.js';
import { folded, mergedSteps, rowAt } from '../model/happened.js';
import { queryOf } from '../model/query.js';
import { crowdOf, rowsAt } from '../model/sessions.js';
import type { Source } from '../model/source.js';
import { segmentAt, type Range } from '../model/tone.js';
import { below, stepAt, type Step, type Track } from '../model/track.js';
import type { World } from '../model/world.js';
import { Happened } from './happened.js';
import { useKeys } from './keys.js';
import { SessionList } from './session-list.js';
import { SessionPane, type Branch } from './session-pane.js';
import { Timeline } from './timeline.js';
import { Footer, Tabs, Top, type Tab } from './frame.js';

/** A page with many sessions is painted less often, so that it answers at once in between. */
const PAINT_EVERY_MS = { few: 100, many: 400 };
const MANY_SESSIONS = 500;
const CROWD_MAX = 400;

export function App({ source }: { readonly source: Source }): JSX.Element {
  const version = useVersion(source);
  const { world } = source;
  const [playheadMs, setPlayhead] = useState<number | undefined>();
  const [isPlaying, setPlaying] = useState(false);
  const [sessionId, setSessionId] = useState<string | undefined>();
  const [actorId, setActorId] = useState<string | undefined>();
  const [chosenStep, setChosenStep] = useState<Step | undefined>();
  const [text, setText] = useState('');
  const [scope, setScope] = useState<'session' | 'all'>('session');
  const [view, setView] = useState<'list' | 'sequence'>('list');
  const [whyOpen, setWhyOpen] = useState(false);
  const [zoom, setZoom] = useState<Range | undefined>();
  const [tab, setTab] = useState<Tab>('session');
  const search = useRef<HTMLInputElement>(null);

  const whole = world.range;
  const atMs = playheadMs ?? whole.toMs;
  const query = useMemo(() => queryOf(text), [text]);
  const rows = useMemo(() => rowsAt(world.sessions, atMs), [version, world, atMs]);
  const found = useMemo(() => rows.filter(query.matches), [rows, query]);
  const session = world.track(sessionId) ?? found[0]?.track ?? rows[0]?.track;
  const own = useMemo(() => (session === undefined ? [] : [...below(session)]), [session, version]);
  const actor = own.find(({ id }) => id === actorId) ?? world.track(actorId) ?? mainActorOf(session, own);
  const steps = useMemo(
    () => folded(scope === 'all' || session === undefined ? world.steps : mergedSteps(own)),
    [version, world, scope, session, own],
  );
  const row = chosenStep !== undefined && chosenStep.ms === atMs ? steps.findIndex(({ step }) => step === chosenStep) : undefined;
  const current = row !== undefined && row >= 0 ? row : rowAt(steps, atMs);
  const currentStep = current === undefined ? undefined : steps[current]!.step;

  const seek = (ms: number): void => (setChosenStep(undefined), setPlayhead(ms));
  const goLive = (): void => (setPlaying(false), setChosenStep(undefined), setPlayhead(undefined), setZoom(undefined));
  const goTo = (step: Step): void => {
    setChosenStep(step);
    setPlayhead(step.ms);
    const of = world.sessionOf(step.actor);
    if (of !== undefined) setSessionId(of.id);
    setActorId(step.actor.id);
  };
  const stepBy = (by: -1 | 1): void => {
    const next = steps[(current ?? -1) + by];
    if (next !== undefined) goTo(next.step);
  };
  const chooseSession = (id: string): void => (setSessionId(id), setActorId(undefined), setChosenStep(undefined));
  const chooseActor = (id: string): void => {
    const chosen = world.track(id);
    const of = chosen && world.sessionOf(chosen);
    if (of !== undefined) setSessionId(of.id);
    setActorId(id);
  };
  const moveSession = (by: number): void => {
    const at = found.findIndex(({ id }) => id === session?.id);
    const next = found[Math.max(0, Math.min(found.length - 1, at + by))];
    if (next !== undefined) chooseSession(next.id);
  };
  const followCause = (): void => {
    if (currentStep === undefined) return;
    setWhyOpen(true);
    if (currentStep.cause !== undefined) goTo(currentStep.cause);
    else setChosenStep(currentStep);
  };
  const play = (): void => {
    if (!isPlaying && playheadMs === undefined) setPlayhead(whole.fromMs);
    setPlaying(!isPlaying);
  };
  usePlaying(isPlaying, playheadMs, whole, setPlayhead, goLive);
  useKeys({
    '/': () => search.current?.focus(),
    j: () => moveSession(1),
    k: () => moveSession(-1),
    ArrowLeft: () => stepBy(-1),
    ArrowRight: () => stepBy(1),
    c: followCause,
    ' ': play,
    l: goLive,
    s: () => setView(view === 'list' ? 'sequence' : 'list'),
    a: () => setScope(scope === 'all' ? 'session' : 'all'),
    e: () => source.export(),
    Escape: () => (setText(''), setZoom(undefined)),
  });
  useEffect(() => {
    // The one that is shown stays, whichever is in trouble next.
    if (sessionId === undefined && session !== undefined) setSessionId(session.id);
  }, [session]);
  useEffect(() => {
    // Another recording begins anew.
    setSessionId(undefined);
    setActorId(undefined);
    goLive();
  }, [source.recordings]);

  const figures = session === undefined ? [] : world.figuresOf(session);
  const links = own.filter(({ chart }) => world.isLink(chart));
  const bars = session === undefined ? [] : [session, ...links].map(barOf);
  const shown = zoom ?? whole;
  return (
    <div id="app" data-tab={tab}>
      <Top
        source={source}
        rows={rows}
        query={text}
        complaint={query.complaint}
        onQuery={setText}
        onFound={() => found[0] !== undefined && chooseSession(found[0].id)}
        search={search}
      >
        <button type="button" onClick={play} aria-pressed={isPlaying}>
          {isPlaying ? 'pause' : 'play'}
        </button>
        <button type="button" onClick={goLive} disabled={playheadMs === undefined && zoom === undefined}>
          {source.status === 'live' ? 'live' : 'end'}
        </button>
      </Top>
      <Timeline
        whole={whole}
        shown={shown}
        bars={bars}
        plot={plotOf(session, figures)}
        crowd={found.length < 2 ? [] : crowdOf(found, CROWD_MAX)}
        crowdLabel={`${countText(found.length)} sessions`}
        atMs={atMs}
        isLive={playheadMs === undefined && source.status === 'live'}
        onSeek={seek}
        onStep={stepBy}
        onShow={setZoom}
      />
      <Tabs tab={tab} onTab={setTab} />
      <SessionList
        sessions={found}
        total={rows.length}
        chosen={session?.id}
        onChoose={(id) => (chooseSession(id), setTab('session'))}
      />
      {session === undefined || actor === undefined ? (
        <section class="session">
          <p class="empty">{source.status === 'live' ? 'Waits for the first session.' : 'This recording has no session.'}</p>
        </section>
      ) : (
        <SessionPane
          session={session}
          actor={actor}
          branches={branchesOf(session, atMs)}
          figures={cardsOf(figures, atMs)}
          waits={world.waitsOf(session, atMs).map(({ what, inMs }) => `${what} in ${durationText(inMs)}`)}
          chart={world.chart(actor.chart)}
          active={stepAt(actor.steps, atMs)?.states ?? []}
          last={stepAt(actor.steps, atMs)}
          atMs={atMs}
          context={world.contextAt(actor, atMs)}
          advice={session.closing === undefined ? undefined : source.adviceOf(session.closing.code)}
          onChoose={chooseActor}
        />
      )}
      <Happened
        steps={steps}
        current={current}
        chosen={currentStep}
        scope={scope}
        view={view}
        whyOpen={whyOpen}
        onScope={setScope}
        onView={setView}
        onChoose={goTo}
        onWhy={() => (setWhyOpen(!whyOpen), currentStep !== undefined && setChosenStep(currentStep))}
      />
      <Footer text={summaryOf(world)} />
    </div>
  );
}

/** Renders again when something has arrived, at a pace that leaves time for the user. */
function useVersion(source: Source): number {
  const [version, bump] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unwatch = source.watch(() => {
      const everyMs = source.world.sessions.length > MANY_SESSIONS ? PAINT_EVERY_MS.many : PAINT_EVERY_MS.few;
      timer ??= setTimeout(() => ((timer = undefined), bump(undefined)), everyMs);
    });
    return () => (unwatch(), clearTimeout(timer));
  }, [source]);
  return version;
}

/** Moves the playhead in real time. */
function usePlaying(
  isPlaying: boolean,
  atMs: number | undefined,
  whole: Range,
  seek: (ms: number) => void,
  end: () => void,
): void {
  useEffect(() => {
    if (!isPlaying) return;
    let before = performance.now();
    let handle = requestAnimationFrame(function frame(now) {
      const next = (atMs ?? whole.fromMs) + now - before;
      before = now;
      if (next >= whole.toMs) end();
      else seek(next);
      handle = requestAnimationFrame(frame);
    });
    return () => cancelAnimationFrame(handle);
  }, [isPlaying, atMs]);
}

/** A session is shown with the chart of its protocol at first: it says more than that of the connection. */
const mainActorOf = (session: Track | undefined, own: readonly Track[]): Track | undefined =>
  own.find((track) => track.parent === session && track.steps.length > 0) ?? session;

const barOf = ({ id, name, segments }: Track) => ({ id, label: name, segments });

/** Tuna counts the bytes of its stream, all others count messages. */
function plotOf(session: Track | undefined, figures: Parameters<typeof rateOf>[0]) {
  const points = rateOf(figures, 'acknowledged');
  if (points.length === 0) return undefined;
  const textOf = session?.protocol === 'tuna' ? bytesText : (value: number) => countText(Math.round(value));
  return { label: 'acknowledged', points, textOf: (value: number) => `${textOf(value)}/s` };
}

function branchesOf(session: Track, atMs: number): readonly Branch[] {
  const branches: Branch[] = [];
  const visit = (track: Track, depth: number): void => {
    if (track.bornMs > atMs) return;
    const segment = segmentAt(track.segments, atMs);
    branches.push({ track, depth, tone: segment?.tone ?? 'ended', state: segment?.state ?? 'ended' });
    for (const child of track.children) if (child.endedMs === undefined || child.endedMs >= atMs) visit(child, depth + 1);
  };
  visit(session, 0);
  return branches;
}

function summaryOf({ bytes, stepsSeen, leftOut }: World): string {
  const left = leftOut === 0 ? 'nothing left out' : `${countText(leftOut)} events left out`;
  return `payloads, tokens and keys never leave the process · read only · ${bytesText(bytes)} for ${countText(stepsSeen)} events · ${left}`;
}
