import type { AnyActorRef, AnyMachineSnapshot, AnyStateNode, InspectionEvent, StateValue } from 'xstate';
import type { Clock } from '../machines/ports.js';
import { wordsOf } from './words.js';
import { checkOptionNames } from '../machines/arguments.js';
import { SessionError } from '../machines/errors.js';

/** The clock, the names and the maximum length of a transcript. */
export interface TranscriptOptions {
  /** The clock whose `now` begins each line, in milliseconds. */
  readonly clock: Pick<Clock, 'now'>;
  /**
   * The name of an actor, e.g. `a resume`; undefined leaves it out. Default: the id of its machine. Don't return an
   * actor's own ids: they differ from run to run.
   */
  readonly name?: (actorRef: AnyActorRef) => string | undefined;
  /** Lines kept; the oldest are dropped first. Default 1000. */
  readonly linesMax?: number;
}

/** The transitions of charts, line by line; bounded. */
export interface Transcript {
  /** For the `inspect` option of an engine or of `createActor`. Never throws: a throwing inspector would break the actors. */
  readonly inspect: (event: InspectionEvent) => void;
  /** One line per transition, causes before their effects. A copy at each reading. */
  readonly lines: readonly string[];
  /** Lines dropped at `linesMax`. */
  readonly forgotten: number;
  /** Inspection events that could not be recorded, because of a `name` or a clock that throws. */
  readonly failures: number;
}

/**
 * Records the transitions of charts, one line each:
 * `   50 a resume      wire.closed         linked.flowing·held → waiting·expiring`.
 * States are written without the names of regions, events in words. Nothing else of an event or a context is written: no session
 * ids, no tokens, no payloads.
 */
export function createTranscript(options: TranscriptOptions): Transcript {
  checkTranscriptOptions('createTranscript', options);
  const notebook = new Notebook(options);
  let failures = 0;
  return {
    inspect(event) {
      try {
        notebook.record(event);
      } catch {
        failures++;
      }
    },
    get lines() {
      return notebook.lines.map(({ text }) => text);
    },
    get forgotten() {
      return notebook.forgotten;
    },
    get failures() {
      return failures;
    },
  };
}

interface Line {
  /** When its event was sent. A child tells its parent before its own transition is over, so lines are not written in this order. */
  readonly order: number;
  readonly text: string;
}

/** Charts choose their event types, but no line may grow without bound. */
const EVENT_CHARACTERS_MAX = 60;

class Notebook {
  readonly lines: Line[] = [];
  forgotten = 0;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #nameOf: (actorRef: AnyActorRef) => string | undefined;
  readonly #linesMax: number;
  readonly #states = new WeakMap<object, string>();
  readonly #orders = new WeakMap<object, number>();
  /** Actors that took a transition within their current event, even if it led back to the same states. */
  readonly #moved = new WeakSet<object>();
  #nextOrder = 0;

  constructor({ clock, name = machineName, linesMax = 1000 }: TranscriptOptions) {
    this.#clock = clock;
    this.#nameOf = name;
    this.#linesMax = linesMax;
  }

  record(event: InspectionEvent): void {
    if (event.type === '@xstate.event') this.#orders.set(event.event, this.#nextOrder++);
    else if (event.type === '@xstate.microstep') {
      if (event._transitions.some(({ target }) => target !== undefined)) this.#moved.add(event.actorRef);
    } else if (event.type === '@xstate.snapshot' && isOfMachine(event.snapshot)) {
      this.#settle(event.actorRef as AnyActorRef, event.event, event.snapshot);
    }
  }

  #settle(actorRef: AnyActorRef, event: { readonly type: string }, snapshot: AnyMachineSnapshot): void {
    const before = this.#states.get(actorRef);
    const after = nowOf(snapshot);
    const moved = this.#moved.delete(actorRef);
    if (before === after && !moved) return;
    this.#states.set(actorRef, after);
    const name = this.#nameOf(actorRef);
    if (name === undefined) return;
    const time = String(Math.round(this.#clock.now())).padStart(5);
    const words = wordsOf(event.type).slice(0, EVENT_CHARACTERS_MAX).padEnd(20);
    const text = `${time} ${name.padEnd(14)} ${words} ${before === undefined ? '' : `${before} `}→ ${after}`;
    this.#write({ order: this.#orders.get(event) ?? this.#nextOrder++, text });
  }

  /** Inserts in the order of events, which is nearly the order of writing: the place is found from the end. */
  #write(line: Line): void {
    let at = this.lines.length;
    while (at > 0 && this.lines[at - 1]!.order > line.order) at--;
    this.lines.splice(at, 0, line);
    if (this.lines.length <= this.#linesMax) return;
    this.lines.shift();
    this.forgotten++;
  }
}

function isOfMachine(snapshot: object): snapshot is AnyMachineSnapshot {
  return 'machine' in snapshot && 'value' in snapshot;
}

function machineName(actorRef: AnyActorRef): string | undefined {
  const { machine } = actorRef.getSnapshot() as Partial<AnyMachineSnapshot>;
  return machine?.id;
}

/** The states of a machine in the order of its source, and its end if it is no longer running. */
function nowOf(snapshot: AnyMachineSnapshot): string {
  const states = stateText(snapshot.machine.root, snapshot.value);
  if (snapshot.status === 'error') return `${states} (failed)`;
  return snapshot.status === 'stopped' ? `${states} (stopped)` : states;
}

/** `linked.flowing·held`: a parallel state is written as its regions, a region as the state in it. */
export function stateText(node: AnyStateNode, value: StateValue): string {
  if (typeof value === 'string') return value;
  const inside = (key: string): string => stateText(node.states[key]!, value[key]!);
  if (node.type === 'parallel') {
    return Object.keys(node.states)
      .map(inside)
      .filter((text) => text !== '')
      .join('·');
  }
  const [key] = Object.keys(value);
  if (key === undefined) return '';
  const text = inside(key);
  if (text === '') return key;
  return node.states[key]!.type === 'parallel' ? text : `${key}.${text}`;
}

/** @internal For callers without types. */
export function checkTranscriptOptions(name: string, options: unknown): void {
  checkOptionNames(name, options, 'clock', 'linesMax', ...(name === 'LiveView' ? [] : ['name']));
  const { clock, linesMax = 1 } = (options ?? {}) as { clock?: { now?: unknown }; linesMax?: unknown };
  if (typeof clock?.now !== 'function')
    throw new SessionError('bad-option', `${name}.clock: expected a clock with now(), e.g. performance`);
  if (!Number.isSafeInteger(linesMax) || Number(linesMax) < 1)
    throw new SessionError('bad-option', `${name}.linesMax: expected a whole number of at least 1, got ${String(linesMax)}`);
}
