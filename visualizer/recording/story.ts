import type { ActorLine, Recording, RecordingLine, SessionLine, StepLine } from './format.js';
import { wordsOf } from '../words.js';

/** Narrows a story down. */
export interface StoryOptions {
  /** Only of sessions whose id or peer has this in it, and of the actors below them. */
  readonly session?: string | undefined;
  /** Only from this time on, in milliseconds after the beginning of the recording. */
  readonly sinceMs?: number | undefined;
}

/** The actors that have appeared so far. */
class Cast {
  readonly #actors = new Map<number, ActorLine>();
  readonly #sessions = new Map<number, SessionLine>();

  learn(line: RecordingLine): void {
    if (line.type === 'actor') this.#actors.set(line.actor, line);
    if (line.type === 'session') this.#sessions.set(line.actor, line);
  }

  /** The session at or above an actor. */
  sessionOf(actor: number | undefined): SessionLine | undefined {
    for (let at = actor, depth = 0; at !== undefined && depth < 64; at = this.#actors.get(at)?.parent, depth++) {
      const session = this.#sessions.get(at);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  /** `resume 5f0c….1 › link 2`: the session and the actor below it. */
  nameOf(actor: number, within?: number): string {
    const line = this.#actors.get(actor);
    const session = this.sessionOf(actor);
    if (line === undefined) return `actor ${actor}`;
    const own = line.id === 'protocol' || line.parent === undefined ? line.kind : line.id;
    const root = line.parent === undefined && line.name !== undefined ? `${line.name} ` : '';
    if (session === undefined) return `${root}${own}`;
    if (session.actor === actor) return session.session;
    return within !== undefined && this.sessionOf(within) === session ? own : `${session.session} › ${own}`;
  }
}

/** A line of a recording in words. */
export interface Told {
  readonly line: RecordingLine;
  readonly text: string;
}

/** One line of text for each transition and each ending: when, who, on which event, from where to where, and why. */
export function* storyOf({ header, lines }: Recording, { session, sinceMs = 0 }: StoryOptions = {}): Generator<Told> {
  const cast = new Cast();
  const steps = new Map<number, string>();
  for (const line of lines) {
    cast.learn(line);
    if (line.type === 'step') steps.set(line.step, wordsOf(line.event.type));
    if (!('t' in line) || line.t - header.t < sinceMs) continue;
    if (session !== undefined && !isAbout(line, cast, session)) continue;
    const text = textOf(line, cast, steps);
    if (text !== undefined) yield { line, text: `${seconds(line.t - header.t)}  ${text}` };
  }
}

function isAbout(line: RecordingLine, cast: Cast, wanted: string): boolean {
  const about = line.type === 'closing' ? line : cast.sessionOf('actor' in line ? line.actor : undefined);
  return about !== undefined && (about.session.includes(wanted) || about.peer.includes(wanted));
}

function textOf(line: RecordingLine, cast: Cast, steps: ReadonlyMap<number, string>): string | undefined {
  switch (line.type) {
    case 'step': {
      if (line.from.length === 0 && line.to.length === 0) return undefined;
      const guards = (line.guards ?? []).map(({ guard }) => guard).join(', ');
      return (
        `${cast.nameOf(line.actor)}  ${wordsOf(line.event.type)}  ${statesOf(line.from)} → ${statesOf(line.to)}` +
        `${because(line, cast, steps)}${guards === '' ? '' : `  (not ${guards})`}`
      );
    }
    case 'closing':
      return `${line.session}  ended: ${line.closing.code} (${line.closing.side})  ${line.closing.reason}`;
    case 'engine':
      return `${line.actor === undefined ? 'engine' : cast.nameOf(line.actor)}  ${line.event.type}${detailOf(line.event)}`;
    case 'ended':
      return line.status === 'error' ? `${cast.nameOf(line.actor)}  failed` : undefined;
    case 'dropped':
      return `${line.n} lines were left out`;
    default:
      return undefined;
  }
}

function because({ actor, cause }: StepLine, cast: Cast, steps: ReadonlyMap<number, string>): string {
  const who = cause.actor === undefined ? '' : cast.nameOf(cause.actor, actor);
  const event = cause.step === undefined ? undefined : steps.get(cause.step);
  if (event !== undefined) return `  ⟵ ${who === '' ? '' : `${who}: `}${event}`;
  return who === '' ? '' : `  ⟵ ${who}`;
}

function detailOf({ type: _, ...fields }: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields).filter(([name, value]) => name !== 'id' && typeof value !== 'object');
  return shown.map(([name, value]) => ` ${name}=${String(value)}`).join('');
}

/** Without the name of the chart, which the actor's name says. */
function statesOf(ids: readonly string[]): string {
  return ids.length === 0 ? '·' : ids.map((id) => id.slice(id.indexOf('.') + 1)).join(' · ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(9)} s`;
}
