import type { ActorLine, HeaderLine, Recording, RecordingLine, SessionLine, StepLine } from './format.js';
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
export function* storyOf({ header, lines }: Recording, options: StoryOptions = {}): Generator<Told> {
  const story = new Story(header, options);
  for (const line of lines) {
    const told = story.tell(line);
    if (told !== undefined) yield told;
  }
}

/** The same for a recording whose lines are still to come. */
export class Story {
  readonly #cast = new Cast();
  readonly #steps = new Map<number, string>();

  constructor(
    readonly header: HeaderLine,
    readonly options: StoryOptions = {},
  ) {}

  /** Undefined for a line that says nothing by itself, or nothing that was asked for. */
  tell(line: RecordingLine): Told | undefined {
    const { session, sinceMs = 0 } = this.options;
    this.#cast.learn(line);
    if (line.type === 'step') this.#remember(line);
    if (!('t' in line) || line.t - this.header.t < sinceMs) return undefined;
    if (session !== undefined && !isAbout(line, this.#cast, session)) return undefined;
    const text = textOf(line, this.#cast, this.#steps);
    return text === undefined ? undefined : { line, text: `${seconds(line.t - this.header.t)}  ${text}` };
  }

  /** Effects follow their causes soon: of a recording without end the newest steps are enough. */
  #remember({ step, event }: StepLine): void {
    this.#steps.set(step, wordsOf(event.type));
    if (this.#steps.size > STEPS_REMEMBERED) this.#steps.delete(this.#steps.keys().next().value!);
  }
}

const STEPS_REMEMBERED = 100_000;

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
