import type { AnyActorLogic, AnyStateMachine, EventObject } from 'xstate';
import type { ScopedActor } from './actor-scope.js';
import { Configurations } from './configuration.js';
import { Macrostep } from './macrostep.js';
import { isSupported } from './supported-charts.js';

/**
 * Carries a chart from one state to the next as XState does, by transition sets that are worked out once (`configuration.ts`) and
 * actions whose implementations are looked up once (`chart-plan.ts`): an event costs a microsecond instead of tens. The charts,
 * their actions and guards are XState's own objects.
 *
 * `spec/runtime/actor.spec.ts` drives every shipped chart both ways at random and compares every inspection event.
 */
export class PrecomputedTransitions {
  readonly #configurations: Configurations;

  private constructor(readonly machine: AnyStateMachine) {
    this.#configurations = new Configurations(machine);
  }

  /** Undefined where the logic is no chart, or a chart that XState has to run (`supported-charts.ts`). */
  static of(logic: AnyActorLogic): PrecomputedTransitions | undefined {
    const found = known.get(logic);
    if (found !== undefined || known.has(logic)) return found;
    const made = isChart(logic) && isSupported(logic) ? new PrecomputedTransitions(logic) : undefined;
    known.set(logic, made);
    return made;
  }

  /** The step into the first state, taken. An error that an action throws becomes the error of its snapshot, as in XState. */
  begin(self: ScopedActor, event: EventObject): Macrostep {
    const step = Macrostep.vacant();
    step.begin(this.#configurations, self, event);
    return step;
  }
}

const known = new WeakMap<AnyActorLogic, PrecomputedTransitions | undefined>();

/** Whether a logic is a chart of XState's. */
export function isChart(logic: AnyActorLogic): logic is AnyStateMachine {
  return 'root' in logic && 'implementations' in logic;
}
