import { CompactActor } from '../../machines/runtime/actor.js';
import { isCompact } from '../../machines/runtime/runtime.js';
import type { Interpreter } from './model.js';
import { xstate } from './walk.js';

/** What runs charts (`machines/runtime`): XState's own actor and interpreter, and the compact ones where they support the chart. */
export const interpreters: Readonly<Record<'xstate' | 'compact', Interpreter>> = {
  xstate,
  compact: (machine, parent, input) =>
    isCompact(machine) ? new CompactActor(machine, { id: 'it', src: 'it', parent, input }) : xstate(machine, parent, input),
};
