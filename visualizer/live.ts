import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { Clock } from '../machines/ports.js';
import { checkTranscriptOptions, createTranscript, type Transcript } from './transcript.js';

/** Where the actors of charts are at the moment. */
export interface LiveState {
  /** By the id of the machine; charts that have not been entered yet are missing. */
  readonly charts: Readonly<Record<string, LiveChart>>;
  /** The last transitions, one line each. */
  readonly lines: readonly string[];
}

/** The actors of one chart, counted: a picture of ten thousand connections is as large as one of one. */
export interface LiveChart {
  readonly actors: number;
  /** Actors that have ended. */
  readonly ended: number;
  /** By the id of a state, how many actors are in it; only where there are any. */
  readonly states: Readonly<Record<string, number>>;
}

/** Whose time a view writes down, and how much of it. */
export interface LiveViewOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Lines kept. Default 40. */
  readonly linesMax?: number;
}

/**
 * Follows running charts by their inspection events, in memory that their number does not matter for: per chart a count for
 * each state. `serveLive` of `holdfast/visualizer/server` shows it in a browser.
 */
export class LiveView {
  readonly #transcript: Transcript;
  readonly #charts = new Map<string, StateCount>();
  readonly #places = new WeakMap<AnyActorRef, AnyMachineSnapshot['_nodes']>();
  readonly #watchers = new Set<() => void>();

  constructor(options: LiveViewOptions) {
    checkTranscriptOptions('LiveView', options);
    const { clock, linesMax = 40 } = options;
    this.#transcript = createTranscript({ clock, linesMax });
  }

  /** For the `inspect` option of an engine or of `createActor`. Never throws. */
  readonly inspect = (event: InspectionEvent): void => {
    this.#transcript.inspect(event);
    if (event.type !== '@xstate.snapshot' || !isOfMachine(event.snapshot)) return;
    if (this.#place(event.actorRef as AnyActorRef, event.snapshot)) for (const tell of this.#watchers) tell();
  };

  /** A copy. */
  get state(): LiveState {
    const charts = [...this.#charts].map(([id, { actors, ended, states }]) => [
      id,
      { actors, ended, states: Object.fromEntries([...states].filter(([, count]) => count > 0)) },
    ]);
    return { charts: Object.fromEntries(charts) as LiveState['charts'], lines: this.#transcript.lines };
  }

  toJSON(): object {
    return { charts: [...this.#charts.keys()], watchers: this.#watchers.size };
  }

  /** Calls after each change, from within the actors: do little. Returns how to stop. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** False: nothing to see. */
  #place(actor: AnyActorRef, { machine, status, _nodes: nodes }: AnyMachineSnapshot): boolean {
    const before = this.#places.get(actor);
    const isThere = status === 'active';
    if (isThere && before === nodes) return false;
    const counts = this.#count(machine.id);
    for (const { id } of before ?? []) counts.add(id, -1);
    if (isThere) {
      for (const { id } of nodes) counts.add(id, 1);
      this.#places.set(actor, nodes);
      if (before === undefined) counts.actors++;
    } else {
      this.#places.delete(actor);
      if (before === undefined) return false;
      counts.actors--;
      counts.ended++;
    }
    return true;
  }

  #count(id: string): StateCount {
    let counts = this.#charts.get(id);
    if (counts === undefined) this.#charts.set(id, (counts = new StateCount()));
    return counts;
  }
}

class StateCount {
  actors = 0;
  ended = 0;
  readonly states = new Map<string, number>();

  add(id: string, by: number): void {
    this.states.set(id, (this.states.get(id) ?? 0) + by);
  }
}

function isOfMachine(snapshot: object): snapshot is AnyMachineSnapshot {
  return 'machine' in snapshot && '_nodes' in snapshot;
}
