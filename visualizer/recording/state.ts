import type { PlainObject, Recording, RecordingLine } from './format.js';
import { patched } from './plain.js';

/** An actor at one moment of a recording. */
export interface ActorState {
  readonly actor: number;
  readonly id: string;
  readonly kind: string;
  /** Of a root, where the program gave its engine one. */
  readonly name: string | undefined;
  readonly chart: string | undefined;
  readonly parent: number | undefined;
  /** Of a connection's actor. */
  readonly session: string | undefined;
  readonly peer: string | undefined;
  readonly protocol: string | undefined;
  readonly role: 'dialer' | 'acceptor' | undefined;
  /** Ids of the innermost active states. Empty for a service. */
  readonly states: readonly string[];
  readonly context: PlainObject;
  readonly figures: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Armed timers: when they elapse. */
  readonly timers: Readonly<Record<string, number>>;
  /** The last step, and when that was. */
  readonly step: number | undefined;
  readonly since: number;
}

/** All actors that are there at one moment, by number. */
export type RecordedState = ReadonlyMap<number, ActorState>;

/** The state behind a line. `before` is changed only where it is a `Map` of the caller's own. */
export function applyLine(state: Map<number, ActorState>, line: RecordingLine): void {
  switch (line.type) {
    case 'actor':
      state.set(line.actor, {
        ...(state.get(line.actor) ?? NEW),
        ...{
          actor: line.actor,
          id: line.id,
          kind: line.kind,
          chart: line.chart,
          parent: line.parent,
          name: line.name,
          since: line.t,
        },
      });
      break;
    case 'session':
      change(state, line.actor, { session: line.session, peer: line.peer, protocol: line.protocol, role: line.role });
      break;
    case 'state':
      change(state, line.actor, {
        ...{ states: line.states, context: line.context },
        ...(line.timers !== undefined && { timers: line.timers }),
      });
      break;
    case 'step': {
      const actor = state.get(line.actor);
      if (actor === undefined) break;
      const { timer } = line.cause;
      const moved = line.from.length > 0 || line.to.length > 0;
      const states = moved ? [...actor.states.filter((id) => !line.from.includes(id)), ...line.to] : actor.states;
      const context = line.context === undefined ? actor.context : patched(actor.context, line.context);
      const timers = timer === undefined ? actor.timers : without(actor.timers, timer);
      const since = moved ? line.t : actor.since;
      state.set(line.actor, { ...actor, states, context, timers, step: line.step, since });
      break;
    }
    case 'timer': {
      const actor = state.get(line.actor);
      if (actor !== undefined) state.set(line.actor, { ...actor, timers: { ...actor.timers, [line.timer]: line.at } });
      break;
    }
    case 'timer-cancelled': {
      const actor = state.get(line.actor);
      if (actor !== undefined) state.set(line.actor, { ...actor, timers: without(actor.timers, line.timer) });
      break;
    }
    case 'figures': {
      const actor = state.get(line.actor);
      if (actor === undefined) break;
      state.set(line.actor, {
        ...actor,
        figures: { ...actor.figures, ...line.figures },
        links: { ...actor.links, ...line.links },
      });
      break;
    }
    case 'ended':
      state.delete(line.actor);
      break;
    default: // Says nothing of states.
  }
}

/** Every so many lines a whole state is kept, so that a jump replays no more lines than that. */
const KEYFRAME_LINES = 1000;
const keyframes = new WeakMap<Recording, Map<number, RecordedState>>();

/**
 * The actors at time `t` of a recording, behind all lines up to then. The first call for a moment far into a recording keeps states on
 * the way, so that later calls take time that doesn't grow with the recording.
 */
export function stateAt(recording: Recording, t: number): RecordedState {
  const { lines } = recording;
  let low = 0;
  let high = lines.length;
  const times = timesOf(recording);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= t) low = middle + 1;
    else high = middle;
  }
  return stateBehind(recording, low);
}

/** The actors behind the first `count` lines. */
export function stateBehind(recording: Recording, count: number): RecordedState {
  const { lines } = recording;
  let frames = keyframes.get(recording);
  if (frames === undefined) keyframes.set(recording, (frames = new Map([[0, new Map()]])));
  let from = Math.floor(Math.min(count, lines.length) / KEYFRAME_LINES) * KEYFRAME_LINES;
  while (!frames.has(from)) from -= KEYFRAME_LINES;
  const state = new Map(frames.get(from));
  for (let at = from; at < Math.min(count, lines.length); at++) {
    if (at > from && at % KEYFRAME_LINES === 0) frames.set(at, new Map(state));
    applyLine(state, lines[at]!);
  }
  return state;
}

const timesKnown = new WeakMap<Recording, Float64Array>();

/** Times that never go backwards: a chart has none, and lines of one turn are in the order of their causes. */
function timesOf(recording: Recording): Float64Array {
  let times = timesKnown.get(recording);
  if (times === undefined) {
    times = new Float64Array(recording.lines.length);
    let last = -Infinity;
    recording.lines.forEach((line, at) => {
      last = 't' in line ? Math.max(last, line.t) : last;
      times![at] = last;
    });
    timesKnown.set(recording, times);
  }
  return times;
}

const NEW: ActorState = {
  actor: 0,
  id: '',
  kind: '',
  name: undefined,
  chart: undefined,
  parent: undefined,
  session: undefined,
  peer: undefined,
  protocol: undefined,
  role: undefined,
  states: [],
  context: {},
  figures: {},
  links: {},
  timers: {},
  step: undefined,
  since: 0,
};

function change(state: Map<number, ActorState>, actor: number, to: Partial<ActorState>): void {
  const before = state.get(actor);
  if (before !== undefined) state.set(actor, { ...before, ...to });
}

function without(timers: ActorState['timers'], timer: string): ActorState['timers'] {
  if (timers[timer] === undefined) return timers;
  const { [timer]: _, ...rest } = timers;
  return rest;
}
