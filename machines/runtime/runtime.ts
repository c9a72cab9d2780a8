import { createActor, type AnyActorLogic, type AnyActorRef } from 'xstate';
import { SessionError } from '../errors.js';
import type { Ports } from '../ports.js';
import { isChart, PrecomputedTransitions } from './precomputed-transitions.js';
import { internalsMismatch } from './internals-check.js';
import type { System } from './xstate-internals.js';

/**
 * The runtime of an engine's charts.
 *
 * - `compact`: actors of ours that behave like XState's, at a tenth of their memory and a quarter of their time per event.
 * - `xstate`: XState's own `createActor` and interpreter. The reference that `compact` is tested against, step by step.
 */
export type Runtime = 'compact' | 'xstate';

export const RUNTIMES: readonly Runtime[] = ['compact', 'xstate'];

let defaultRuntime: Runtime = 'compact';
const bySystem = new WeakMap<System, Runtime>();
let hasReported = false;

/** The runtime of engines that name none; for tests that run every engine under the other one. */
export function setDefaultRuntime(runtime: Runtime): void {
  defaultRuntime = runtime;
}

/**
 * The runtime to use where `wanted` was asked for: XState's own where the XState that is installed differs from what the compact
 * runtime was written for. That is reported once per process.
 */
export function availableRuntime(wanted: Runtime = defaultRuntime, report?: Ports['report']): Runtime {
  if (!RUNTIMES.includes(wanted))
    throw new SessionError('bad-option', `runtime: expected 'compact' or 'xstate', got ${JSON.stringify(wanted)}`);
  const mismatch = internalsMismatch();
  if (wanted === 'xstate' || mismatch === undefined) return wanted;
  if (!hasReported) {
    hasReported = true;
    report?.(
      'runtime',
      new Error(
        `this xstate differs from 5.33.3, which the compact runtime needs (${mismatch}); engines run on XState's own actors, ` +
          `which need more memory and time. Install xstate ~5.33.3, or set runtime: 'xstate'`,
      ),
    );
  }
  return 'xstate';
}

/** Everything in an actor system has one runtime. */
export function setRuntime(system: System, runtime: Runtime): void {
  bySystem.set(system, runtime);
}

export function runtimeOf(system: System): Runtime {
  return bySystem.get(system) ?? availableRuntime();
}

/** Whether an actor of this logic can be a compact one. */
export function isCompact(logic: AnyActorLogic): boolean {
  return !isChart(logic) || PrecomputedTransitions.of(logic) !== undefined;
}

export interface ReferenceOptions {
  readonly id: string | undefined;
  readonly src: string | AnyActorLogic;
  readonly parent: AnyActorRef;
  readonly input: unknown;
  readonly systemId?: string | undefined;
  readonly syncSnapshot?: boolean | undefined;
}

/** A child that is an actor of XState's own. */
export function createReferenceChild(logic: AnyActorLogic, options: ReferenceOptions): AnyActorRef {
  const { id, systemId, syncSnapshot, ...rest } = options;
  const named = { ...(id !== undefined && { id }), ...(systemId !== undefined && { systemId }) };
  return createActor<AnyActorLogic>(logic, { ...rest, ...named, ...(syncSnapshot === true && { syncSnapshot }) });
}
