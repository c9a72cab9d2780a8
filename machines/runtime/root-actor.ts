import {
  createActor,
  type ActorRefFrom,
  type AnyActorRef,
  type AnyStateMachine,
  type InputFrom,
  type InspectionEvent,
} from 'xstate';
import type { Clock, Ports } from '../ports.js';
import { CompactActor } from './actor.js';
import { ActorSystem } from './actor-system.js';
import { availableRuntime, isCompact, setRuntime, type Runtime } from './runtime.js';
import { installScheduler } from './scheduler.js';

export interface RootOptions<Machine extends AnyStateMachine> {
  /** Default: `compact`, where the installed XState allows it. */
  readonly runtime?: Runtime | undefined;
  readonly clock: Clock;
  readonly input: InputFrom<Machine>;
  readonly inspect?: ((event: InspectionEvent) => void) | undefined;
  /** Where it is reported that the runtime is another one than was asked for. */
  readonly report?: Ports['report'];
}

/** The root of a new actor system, not started yet. All actors of the system run under the same runtime, with indexed timers. */
export function createRootActor<Machine extends AnyStateMachine>(
  machine: Machine,
  { runtime: wanted, clock, input, inspect, report }: RootOptions<Machine>,
): ActorRefFrom<Machine> {
  const runtime = availableRuntime(wanted, report);
  const root = runtime === 'compact' && isCompact(machine) ? compactRoot(machine, clock, input, inspect) : undefined;
  const actor: AnyActorRef =
    root ??
    createActor(machine as AnyStateMachine, { clock, input: input as unknown, ...(inspect !== undefined && { inspect }) });
  setRuntime(actor.system, runtime);
  installScheduler(actor, clock);
  return actor as ActorRefFrom<Machine>;
}

function compactRoot(
  logic: AnyStateMachine,
  clock: Clock,
  input: unknown,
  inspect: ((event: InspectionEvent) => void) | undefined,
): CompactActor {
  const root = ActorSystem.make(clock);
  if (inspect !== undefined) root.shared.system.inspect(inspect);
  return new CompactActor(logic, { id: undefined, src: logic, parent: undefined, input }, root);
}
