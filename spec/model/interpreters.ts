import { LeanActor } from '../../machines/runtime/actor.js';
import { swift } from '../../machines/runtime/root-logic.js';
import type { Interpreter } from './model.js';
import { xstate } from './walk.js';

/** What runs charts: XState, and the two ways in which the engine does it (`machines/lean`). */
export const interpreters: Readonly<Record<'xstate' | 'lean' | 'swift', Interpreter>> = {
  xstate,
  lean: (machine, parent, input) => new LeanActor(machine, { id: 'it', src: 'it', parent, input }),
  swift: (machine, parent, input) => xstate(swift(machine), parent, input),
};
