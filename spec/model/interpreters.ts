import { createChildActor } from '../../machines/runtime/actor.js';
import type { Interpreter } from './model.js';
import { xstate } from './walk.js';

/** What runs charts (`machines/runtime`): XState's own actor and interpreter, and the compact ones. */
export const interpreters: Readonly<Record<'xstate' | 'compact', Interpreter>> = {
  xstate,
  compact: (machine, parent, input) => createChildActor(machine, { id: 'it', src: 'it', parent, input }),
};
