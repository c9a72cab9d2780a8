import type { ActorLogic, AnyActorRef, AnyEventObject, EventObject, Snapshot } from 'xstate';
import { assert } from '../../machines/errors.js';
import { SimClock } from '../sim/clock.js';

/** A service that does nothing by itself and ends when the model says so. */
export type PlayedLogic = ActorLogic<Snapshot<unknown>, EventObject, unknown>;

const ACTIVE: Snapshot<unknown> = { status: 'active', output: undefined, error: undefined };

/**
 * An actor to be provided in the place of a real one.
 * @param hear what it is told by its chart, such as forwarded commands
 */
export function played(hear: (event: EventObject) => void = () => {}): PlayedLogic {
  return {
    getInitialSnapshot: () => ACTIVE,
    transition(snapshot, event: AnyEventObject) {
      if (event.type === 'xstate.stop') return { ...snapshot, status: 'stopped', error: undefined, output: undefined };
      if (event.type === 'played.done') return { status: 'done', output: event['output'] as unknown, error: undefined };
      if (event.type === 'played.error') return { status: 'error', output: undefined, error: event['error'] as unknown };
      hear(event);
      return snapshot;
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

/** A timer of a chart that is armed. */
export interface ArmedTimer {
  readonly event: EventObject;
  readonly atMs: number;
}

interface Timer extends ArmedTimer {
  readonly source: AnyActorRef;
  readonly target: AnyActorRef;
  readonly id: string | undefined;
}

type RelayingSystem = AnyActorRef['system'] & {
  _relay(source: AnyActorRef, target: AnyActorRef, event: EventObject): void;
};

/**
 * Time as a model plays it: any armed timer may be the next one, whatever its delay. A chart has no say in when the others
 * speak, so every order of a timer and an event can happen, and has to have an answer.
 */
export class PlayedTime {
  /** Goes on to a timer's deadline when that fires. Timers of services wait on it for ever. */
  readonly clock = new SimClock();
  #timers: Timer[] = [];
  #system: RelayingSystem | undefined;

  /** Takes the place of the timers of an actor's system. Call it before anything is started. */
  rule(root: AnyActorRef): void {
    this.#system = root.system as RelayingSystem;
    this.#system.scheduler = this;
  }

  /** XState's scheduler, as `machines/runtime/scheduler` has it. */
  schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string): void {
    if (id !== undefined) this.cancel(source, id);
    this.#timers.push({ source, target, event, id, atMs: this.clock.now() + Math.max(0, delay) });
  }
  cancel(source: AnyActorRef, id: string): void {
    this.#timers = this.#timers.filter((each) => each.source !== source || each.id !== id);
  }
  cancelAll(source: AnyActorRef): void {
    this.#timers = this.#timers.filter((each) => each.source !== source);
  }

  /** The timers of one actor, in the order of setting. */
  armed(actor: AnyActorRef): readonly ArmedTimer[] {
    return this.#timers.filter((each) => each.source === actor);
  }

  fire(timer: ArmedTimer): void {
    const found = this.#timers.find((each) => each === timer);
    assert(found !== undefined, 'only an armed timer fires');
    this.#timers = this.#timers.filter((each) => each !== timer);
    this.clock.advance(Math.max(0, found.atMs - this.clock.now()));
    this.#system!._relay(found.source, found.target, found.event);
  }
}
