import {
  createActor,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate';
import { Chart } from './step.js';
import type { ChartScope } from './xstate-internals.js';

type Scope = Parameters<AnyStateMachine['transition']>[2];
type Stoppable = AnyActorRef & { readonly _processingStatus: number };
type Inspected = AnyActorRef['system'] & { _sendInspectionEvent(event: object): void };

/**
 * A chart for one of XState's own actors, taken from state to state by plans. For a hub: there is one, so its shell may cost
 * what it costs, but every connection passes through it.
 */
export function swift<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const chart = Chart.of(machine);
  if (chart === undefined) return machine;
  const transition: AnyActorLogic['transition'] = (snapshot: AnyMachineSnapshot, event: EventObject, scope: Scope) =>
    chart.transition(snapshot, event, new Around(scope));
  return { ...machine, transition };
}

/** What a chart asks, said as XState would have it. */
class Around implements ChartScope {
  readonly self: AnyActorRef;
  readonly system: AnyActorRef['system'];
  actionExecutor: ChartScope['actionExecutor'];

  constructor(readonly scope: Scope) {
    this.self = scope.self;
    this.system = scope.system;
    this.actionExecutor = scope.actionExecutor;
  }

  defer(fn: () => void): void {
    this.scope.defer(fn);
  }

  spawn(logic: AnyActorLogic, id: string, src: string, input: unknown): AnyActorRef {
    const child = createActor<AnyActorLogic>(logic, { id, src, parent: this.self, input }) as AnyActorRef as Stoppable;
    this.defer(() => {
      if (child._processingStatus === 0) child.start();
    });
    return child;
  }

  bury(child: AnyActorRef): void {
    if ((child as Stoppable)._processingStatus === 1) this.defer(() => this.scope.stopChild(child));
    else this.scope.stopChild(child);
  }

  inspect(event: object): void {
    (this.system as Inspected)._sendInspectionEvent(event);
  }
}
