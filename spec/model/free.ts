import { createMachine, type AnyStateMachine } from 'xstate';
import { SessionError } from '../../machines/errors.js';
import { graphOf } from '../../visualizer/graph.js';
import { BareConfig } from './bare-config.js';
import type { Model, PlayedWorld, Sample } from './model.js';
import { played } from './played.js';

/**
 * The bare chart of any machine as a model: services and actions are played and do nothing, delays are short, guards answer
 * freely both ways; also those that are written in place rather than by name. It shows what the drawing allows, whatever
 * its guards will say: a transition that even so is never taken can never be. Events that a chart raises for itself, written as
 * `raise({ type })`, are still raised. Guards written in place are called after their function, or `inline`, `inline-2` ….
 */
export function freeModel(machine: AnyStateMachine): Model<PlayedWorld> {
  if (typeof (machine as Partial<AnyStateMachine> | null)?.provide !== 'function')
    throw new SessionError('bad-option', 'freeModel: expected a machine, as `createMachine` or `setup().createMachine` make it');
  const bared = new BareConfig(machine.config);
  const { actions: ownActions, guards: ownGuards } = machine.implementations as { actions: object; guards: object };
  const named = (names: Iterable<string>, logic: unknown): Record<string, unknown> =>
    Object.fromEntries([...names].map((name) => [name, logic]));
  const bare = createMachine(
    bared.config as Parameters<typeof createMachine>[0],
    {
      actors: named(bared.services, played()),
      actions: named([...bared.actions, ...Object.keys(ownActions)], () => {}),
      delays: named(bared.delays, 1),
      guards: { ...named(bared.guards, () => false), ...ownGuards },
    } as Parameters<typeof createMachine>[1],
  ) as AnyStateMachine;
  return {
    machine: bare,
    worlds: { free: () => ({ input: {} }) },
    samples: Object.fromEntries(graphOf(bare).edges.flatMap(({ eventType }) => samplesOf(eventType))),
    guards: 'free',
  };
}

/** An event for each kind that is spoken of from outside; timers fire by themselves, and so do the ends of states. */
function samplesOf(eventType: string): readonly (readonly [string, Sample<PlayedWorld>])[] {
  if (eventType === '' || /^xstate\.(after|done\.state)\./.test(eventType)) return [];
  const type = eventType.replace(/\*$/, 'anything');
  return [[type, { type }]];
}
