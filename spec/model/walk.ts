import {
  createActor,
  fromTransition,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type EventObject,
  type InspectionEvent,
} from 'xstate';
import { createRecorder, type RecordingSink } from '../../visualizer/index.js';
import { wordsOf } from '../../visualizer/words.js';
import { stateText } from '../../visualizer/transcript.js';
import type { Subject } from './subject.js';
import type { Interpreter, Path, PlayedWorld, Step } from './model.js';
import type { SimClock } from '../sim/clock.js';
import { PlayedTime } from './played.js';
import type { Coverage } from './coverage.js';
import type { Configuration } from './semantics.js';
import type { Edge } from '../../visualizer/graph.js';

/** XState's own actor. */
export const xstate: Interpreter = (machine, parent, input) => createActor(machine, { id: 'it', parent, input });

/** A walk that failed, and how it went until then: `recordPath` shows it. */
export class WalkError extends Error {
  constructor(
    message: string,
    readonly path: Path,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The played clock decides what happens next: the recorder must set no timer on it. */
function recordParent(parent: AnyActorRef, clock: SimClock, sink: RecordingSink, label: string): void {
  const still = { now: () => clock.now(), wall: () => clock.wall(), setTimeout: () => undefined, clearTimeout: () => {} };
  createRecorder(still, sink, { label }).addActor(parent);
}

/**
 * One actor on its way through a chart. Each transition it takes is compared with what the drawing says; an `Error` tells of the
 * first that differs, of an actor that broke, and of a world that isn't as it must be.
 */
export class Walk<World extends PlayedWorld> {
  readonly time = new PlayedTime();
  readonly world: World;
  #born: AnyActorRef | undefined;
  readonly #lands: string[] = [];
  readonly #steps: Step[] = [];
  readonly #taken = new Set<Edge>();
  #configuration: Configuration; // As the chart says, step by step.
  #answers: { readonly guard: string; readonly isYes: boolean }[] = []; // Of the step under way.
  #heard = new Map<string, boolean>(); // Since the last transition.
  #wanted: readonly boolean[] = [];
  #wrong: Error | undefined; // An inspector must not throw.

  /** @param worldName which of the model's worlds */
  constructor(
    readonly subject: Subject<World>,
    readonly worldName: string,
    readonly coverage: Coverage,
    make: Interpreter = xstate,
    readonly first: readonly boolean[] = [],
    /** Gets a recording of the walk. */
    sink?: RecordingSink,
  ) {
    const { model } = subject;
    this.#configuration = subject.semantics.beginning();
    const begin = model.worlds[worldName];
    if (begin === undefined) throw new Error(`the model has no world "${worldName}"`);
    this.world = begin(this.time);
    const listen = (state: object, event: AnyEventObject): object => (this.world.hear?.(event), state);
    const parent = createActor(fromTransition(listen, {}), { clock: this.time.clock, inspect: (event) => this.#inspect(event) });
    this.time.rule(parent);
    if (sink !== undefined) recordParent(parent, this.time.clock, sink, `model: ${worldName}`);
    parent.start();
    this.#during(undefined, first, () => {
      this.#born = make(subject.machine, parent, this.world.input); // XState's actors take their first transitions here.
      this.#born.subscribe({ error: () => {} });
      this.#born.start();
    });
  }

  get #actor(): AnyActorRef {
    return this.#born!;
  }
  get snapshot(): AnyMachineSnapshot {
    return this.#actor.getSnapshot() as AnyMachineSnapshot;
  }
  /** The active states, in words. */
  get place(): string {
    const { machine, value } = this.snapshot;
    return stateText(machine.root, value);
  }
  get path(): Path {
    const { edges } = this.subject.graph;
    const takes = [...this.#taken].map((edge) => edges.indexOf(edge));
    takes.sort((a, b) => a - b);
    return { world: this.worldName, first: this.first, steps: [...this.#steps], lands: [...this.#lands], takes };
  }
  /** How the guards have answered in the last step, in the order of asking. */
  get answers(): readonly boolean[] {
    return this.#answers.map(({ isYes }) => isYes);
  }

  /** The names of what may happen next, in the order of the samples; timers last. */
  get possible(): readonly string[] {
    if (this.snapshot.status !== 'active') return [];
    const samples = Object.entries(this.subject.model.samples).flatMap(([name, sample]) =>
      typeof sample === 'function' || this.#isAwaited(sample) ? [name] : [],
    );
    return [...samples, ...this.#timers().keys()];
  }

  /** Lets one thing happen. */
  step(step: Step): void {
    const timer = this.#timers().get(step.name);
    const sample = this.subject.model.samples[step.name];
    this.#during(step, step.answers, () => {
      if (timer !== undefined) return this.time.fire(timer);
      if (sample === undefined) throw new Error('there is no such sample, and no such timer is armed');
      const event = typeof sample === 'function' ? sample(this.world, this.snapshot) : sample;
      if (event !== undefined) this.#send(event);
    });
  }

  #during(step: Step | undefined, answers: readonly boolean[], act: () => void): void {
    this.#answers = [];
    this.#heard.clear();
    this.#wanted = answers;
    if (step !== undefined) this.#steps.push(step);
    this.subject.guarded(
      (guard, ask) => this.#answer(guard, ask),
      () => {
        act();
        this.time.clock.advance(0); // What was asked for the end of the turn, and timers that are due by now.
      },
    );
    try {
      const { status, error } = this.snapshot;
      if (status === 'error') throw error;
      if (this.#wrong !== undefined) throw this.#wrong;
      this.#arrive(this.#configuration, nodesOf(this.snapshot), step?.name ?? 'the start');
      this.subject.model.check?.(this.world, this.snapshot);
    } catch (error) {
      const { worldName: world, first } = this;
      const path = { world, first, steps: [...this.#steps], lands: [...this.#lands], takes: [] };
      throw new WalkError(`${this.#told()}: ${error instanceof Error ? error.message : String(error)}`, path, { cause: error });
    }
    this.#lands.push(this.place);
  }

  /** A guard keeps its answer until the next transition: it is asked of each innermost state, about the same thing. */
  #answer(guard: string, ask: (() => boolean) | undefined): boolean {
    const known = this.#heard.get(guard);
    if (known !== undefined && ask === undefined) return known;
    const isYes = ask?.() ?? this.#wanted[this.#answers.length] ?? false;
    this.#answers.push({ guard, isYes });
    this.#heard.set(guard, isYes);
    return isYes;
  }

  #send(event: AnyEventObject): void {
    const [, how, id] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event.type) ?? [];
    if (how === undefined || id === undefined) return this.#actor.send(event);
    const child = (this.snapshot.children as Record<string, AnyActorRef | undefined>)[id];
    if (child === undefined) throw new Error(`no child "${id}" is there to end`);
    child.send({ ...event, type: `played.${how}` });
  }

  #isAwaited(event: EventObject): boolean {
    return this.subject.semantics.awaits(this.#configuration, event.type);
  }

  /** Armed timers by the names of steps. Two of the same delay are told apart by their states. */
  #timers(): Map<string, ReturnType<PlayedTime['armed']>[number]> {
    const armed = this.time.armed(this.#actor);
    const names = armed.map(({ event }) => wordsOf(event.type));
    return new Map(
      armed.map((timer, i) => {
        const name = names[i]!;
        const isAlone = names.filter((each) => each === name).length === 1;
        return [isAlone ? name : `${name} of ${timer.event.type.split('.').slice(3).join('.')}`, timer];
      }),
    );
  }

  #inspect(inspected: InspectionEvent): void {
    if (inspected.type !== '@xstate.microstep' || this.#wrong !== undefined) return;
    if (inspected.actorRef !== (this.#born ?? inspected.actorRef)) return;
    if ((inspected.snapshot as AnyMachineSnapshot).machine.id !== this.subject.machine.id) return; // Charts below are born with it.
    try {
      const { event, _transitions } = inspected;
      this.#check(event.type, _transitions, nodesOf(inspected.snapshot as AnyMachineSnapshot));
    } catch (error) {
      this.#wrong = error as Error;
    }
    this.#heard.clear();
  }

  /** Whether the drawing says the same. */
  #check(eventType: string, transitions: readonly object[], nodes: readonly string[]): void {
    const { semantics } = this.subject;
    const before = this.#configuration;
    const told = transitions.map((each) => this.subject.edgeOf(each));
    const taken = semantics.withoutConflicts(before, told);
    const type = told[0]?.eventType === '' ? '' : eventType;
    const result = ({ guard }: Edge): boolean | undefined => (guard === undefined ? undefined : this.#heard.get(guard));
    const chosen = semantics.select(before, type, result, (edge) => told.includes(edge));
    const text = (edge: Edge): string => this.subject.text(edge);
    agree(`the transitions on ${wordsOf(type)}`, taken.map(text), chosen.map(text));
    for (const edge of taken) this.#take(edge);
    this.#arrive(semantics.after(before, taken) ?? new Set(nodes), nodes, wordsOf(eventType));
  }

  #arrive(expected: Configuration, nodes: readonly string[], on: string): void {
    agree(`the states after ${on}`, nodes, [...expected]);
    this.#configuration = expected;
    for (const id of expected) this.coverage.visit(id);
  }

  #take(edge: Edge): void {
    this.#taken.add(edge);
    this.coverage.take(this.subject.graph.edges.indexOf(edge));
  }

  #told(): string {
    return [`in world "${this.worldName}"`, ...this.#steps.map(({ name }) => name)].join(', ');
  }
}

const nodesOf = ({ _nodes: nodes }: AnyMachineSnapshot): readonly string[] => nodes.map(({ id }) => id);

function agree(what: string, found: readonly string[], expected: readonly string[]): void {
  const [a, b] = [[...found].sort(), [...expected].sort()];
  if (a.length !== b.length || a.some((each, i) => each !== b[i]))
    throw new Error(`${what} are ${a.join(' | ')}, where the chart says ${b.join(' | ')}`);
}
