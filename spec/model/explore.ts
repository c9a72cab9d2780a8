import { checkOptionNames } from '../../machines/arguments.js';
import type { Graph } from '../../visualizer/graph.js';
import type { RecordingSink } from '../../visualizer/index.js';
import { Coverage } from './coverage.js';
import { MergedSituations } from './guard-reads.js';
import type { Interpreter, Model, Path, PlayedWorld, Step } from './model.js';
import { Subject } from './subject.js';
import { Walk, WalkError, xstate } from './walk.js';

/** How far to look, and by which interpreter. */
export interface ExploreOptions {
  /** Situations after which it gives up with an `Error`. Default 5000. */
  readonly situationsMax?: number;
  /** Transitions that are known never to be taken, by `edgeText`. An exploration that is not exhaustive doesn't wait for them. Default: none. */
  readonly never?: readonly string[];
  /**
   * True: every situation is seen, and the model's `check` asked in each. False: it ends as soon as every transition but `never`
   * was taken. Default: true where the model has a `check`, since what it would find may lie behind the last transition.
   */
  readonly exhaustive?: boolean;
  /** Gets each of `Exploration.warnings`. Default `console.warn`. */
  readonly warn?: (warning: string) => void;
  /** What tries. Default: XState's own actors. */
  readonly make?: Interpreter;
}

/** What was found out about a chart. */
export interface Exploration {
  readonly graph: Graph;
  /** A few paths that together take every transition that can be taken. The shortest ones that were found. */
  readonly paths: readonly Path[];
  readonly coverage: Coverage;
  /** Situations seen: states, and what the model counts as facts. */
  readonly situations: number;
  /** What makes the result less than it seems: guards that read data which the model's missing `facts` don't tell apart. */
  readonly warnings: readonly string[];
}

/** Where one is, and what may happen next. */
interface Situation extends Way {
  readonly possible: readonly string[];
}

interface Way {
  readonly world: string;
  readonly first: readonly boolean[];
  readonly steps: readonly Step[];
}

/**
 * Finds out by trying where a chart can go: in every situation everything that may happen happens once, nearest situations
 * first. Throws where a step does not do what the drawing says, where the model's `check` throws, and at its bound.
 */
export function explore<World extends PlayedWorld>(model: Model<World>, options: ExploreOptions = {}): Exploration {
  checkOptionNames('explore', options, 'situationsMax', 'never', 'exhaustive', 'make', 'warn');
  return new Explorer(new Subject(model), options).explore();
}

class Explorer<World extends PlayedWorld> {
  readonly #coverage: Coverage;
  readonly #seen = new Set<string>();
  readonly #queue: Situation[] = [];
  readonly #firsts = new Map<number, Path>(); // By transition, the path that took it first.
  readonly #situationsMax: number;
  readonly #never: readonly string[];
  readonly #isExhaustive: boolean;
  readonly #make: Interpreter;
  readonly #warn: (warning: string) => void;
  readonly #merged: MergedSituations | undefined;

  constructor(
    readonly subject: Subject<World>,
    { situationsMax = 5000, never = [], exhaustive, make = xstate, warn = (text) => console.warn(text) }: ExploreOptions,
  ) {
    const { model } = subject;
    this.#coverage = new Coverage(subject.graph);
    this.#situationsMax = situationsMax;
    this.#never = never;
    this.#isExhaustive = exhaustive ?? model.check !== undefined;
    this.#make = make;
    this.#warn = warn;
    this.#merged = model.facts === undefined && model.guards !== 'free' ? new MergedSituations() : undefined;
  }

  explore(): Exploration {
    for (const world of Object.keys(this.subject.model.worlds)) this.#try({ world, first: [], steps: [] }, undefined);
    for (let at = 0; at < this.#queue.length && !this.#isDone; at++) {
      const situation = this.#queue[at]!;
      for (const name of situation.possible) this.#try(situation, name);
    }
    const { graph, guardReads } = this.subject;
    const warnings = this.#merged?.warnings(guardReads) ?? [];
    for (const warning of warnings) this.#warn(warning);
    const paths = fewest([...this.#firsts.values()]);
    return { graph, paths, coverage: this.#coverage, situations: this.#seen.size, warnings };
  }

  get #isDone(): boolean {
    const { neverTaken } = this.#coverage;
    if (this.#isExhaustive) return false;
    return neverTaken.length <= this.#never.length && neverTaken.every((each) => this.#never.includes(each));
  }

  /** One step more, with every combination of answers that free guards may give. */
  #try(from: Way, name: string | undefined): void {
    const isFree = this.subject.model.guards === 'free';
    const wanted: (readonly boolean[])[] = [[]];
    for (let answers = wanted.pop(); answers !== undefined; answers = wanted.pop()) {
      const first = name === undefined ? answers : from.first;
      const steps = name === undefined ? [] : [...from.steps, { name, answers }];
      const walk = this.#walkTo({ ...from, first, steps });
      // What was asked beyond the list was answered no; next time it is yes.
      const given = walk.answers;
      if (isFree) for (let i = answers.length; i < given.length; i++) wanted.push([...given.slice(0, i), true]);
      this.#note({ world: from.world, first, steps }, walk);
    }
  }

  #walkTo({ world, first, steps }: Way): Walk<World> {
    const walk = new Walk(this.subject, world, this.#coverage, this.#make, first);
    for (const step of steps) walk.step(step);
    return walk;
  }

  #note(way: Way, walk: Walk<World>): void {
    const { path } = walk;
    for (const edge of path.takes) if (!this.#firsts.has(edge)) this.#firsts.set(edge, path);
    const facts = JSON.stringify(this.subject.model.facts?.(walk.world, walk.snapshot));
    const key = `${way.world} ${walk.place} ${walk.snapshot.status} ${facts}`;
    this.#merged?.note(key, walk.snapshot.context);
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= this.#situationsMax)
      throw new Error(
        `more than ${this.#situationsMax} situations; the last one: ${key}. Let \`facts\` of the model tell fewer apart.`,
      );
    this.#seen.add(key);
    if (walk.snapshot.status === 'active') this.#queue.push({ ...way, possible: walk.possible });
  }
}

/** Long paths take most on their way; one that adds nothing to those before is left out. */
function fewest(paths: readonly Path[]): readonly Path[] {
  const longestFirst = [...new Set(paths)].sort((a, b) => b.takes.length - a.takes.length);
  const taken = new Set<number>();
  return longestFirst.filter(({ takes }) => {
    const isNew = takes.some((edge) => !taken.has(edge));
    for (const edge of takes) taken.add(edge);
    return isNew;
  });
}

/**
 * Walks one path again, with the interpreter of choice, and returns where it went: equal to `path` where both do the same.
 * Throws as `explore` does.
 */
export function walkPath<World extends PlayedWorld>(
  subject: Subject<World>,
  path: Path,
  coverage = new Coverage(subject.graph),
  make: Interpreter = xstate,
): Path {
  const walk = new Walk(subject, path.world, coverage, make, path.first);
  for (const step of path.steps) walk.step(step);
  return walk.path;
}

/**
 * Walks a path once more and hands a recording of it to `sink`: of one that fails, up to there. The error of a failed exploration or walk
 * has the path: `catch (error) { if (error instanceof WalkError) recordPath(model, error.path, sink) }`.
 */
export function recordPath<World extends PlayedWorld>(
  model: Model<World>,
  { world, first, steps }: Path,
  sink: RecordingSink,
  make: Interpreter = xstate,
): void {
  const subject = new Subject(model);
  try {
    const walk = new Walk(subject, world, new Coverage(subject.graph), make, first, sink);
    for (const step of steps) walk.step(step);
  } catch (error) {
    if (!(error instanceof WalkError)) throw error;
  } finally {
    sink.end?.();
  }
}

/** A path in words, for the name of a test. */
export function pathText({ world, steps }: Path): string {
  return [
    world,
    ...steps.map(({ name, answers }) => (answers.includes(true) ? `${name} (${answers.map(yes).join(', ')})` : name)),
  ].join(', ');
}

const yes = (answer: boolean): string => (answer ? 'yes' : 'no');
