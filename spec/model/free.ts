import { createMachine, type AnyStateMachine } from 'xstate';
import { graphOf } from '../../visualizer/graph.js';
import type { Model, PlayedWorld, Sample } from './model.js';
import { played } from './played.js';

/**
 * The bare chart of any machine as a model: services and actions are played and do nothing, delays are short, guards answer
 * freely both ways. It shows what the drawing allows, whatever its guards will say: a transition that even so is never taken
 * can never be. Actions, guards and delays written in place, rather than by name, stay as they are, and see an empty context.
 */
export function freeModel(machine: AnyStateMachine): Model<PlayedWorld> {
  const graph = graphOf(machine);
  const services = new Set(graph.vertices.flatMap(({ invoke }) => invoke));
  const named = (names: readonly string[]): readonly string[] => names.map((name) => name.replace(/\(.*\)$/s, ''));
  const actions = new Set(
    [...graph.vertices.flatMap(({ entry, exit }) => [...entry, ...exit]), ...graph.edges.flatMap((edge) => edge.actions)].flatMap(
      (name) => named([name]),
    ),
  );
  const delays = graph.edges.flatMap(({ delay }) => (typeof delay === 'string' ? [delay] : []));
  const { actions: own } = machine.implementations as { actions: object };
  const bare = createMachine(
    bared(machine.config as Config) as Parameters<typeof createMachine>[0],
    {
      actors: Object.fromEntries([...services].map((name) => [name, played()])),
      actions: Object.fromEntries([...actions, ...Object.keys(own)].map((name) => [name, () => {}])),
      delays: Object.fromEntries(delays.map((name) => [name, 1])),
      guards: machine.implementations.guards,
    } as Parameters<typeof createMachine>[1],
  );
  return {
    machine: bare as AnyStateMachine,
    worlds: { free: () => ({ input: {} }) },
    samples: Object.fromEntries(graph.edges.flatMap(({ eventType }) => samplesOf(eventType))),
    guards: 'free',
  };
}

/** An event for each kind that is spoken of from outside; timers fire by themselves, and so do the ends of states. */
function samplesOf(eventType: string): readonly (readonly [string, Sample<PlayedWorld>])[] {
  if (eventType === '' || /^xstate\.(after|done\.state)\./.test(eventType)) return [];
  const type = eventType.replace(/\*$/, 'anything');
  return [[type, { type }]];
}

type Config = {
  readonly states?: Record<string, Config> | undefined;
  readonly invoke?: unknown;
  readonly [key: string]: unknown;
};

/** The same states and transitions; no context to be made, no input to be worked out from it. */
function bared({ context: _context, output: _output, ...config }: Config): Config {
  const states = Object.entries(config.states ?? {}).map(([key, state]) => [key, bared(state)]);
  const invoke = [config.invoke ?? []].flat().map((each) => ({ ...(each as object), input: undefined }));
  return {
    ...config,
    ...(config.states && { states: Object.fromEntries(states) as Record<string, Config> }),
    ...(config.invoke !== undefined && { invoke }),
  };
}
