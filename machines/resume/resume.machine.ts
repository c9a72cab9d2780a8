import { closing } from '../closing.js';
import { intent } from './resume.intent.js';
import { linkage, patience } from './resume.linkage.js';
import { resumeSetup } from './resume.setup.js';
import { RESUME_LIMITS } from './resume.timing.js';

/**
 * One session that outlives its wires: exactly once, in order, both ways, whatever is cut and whenever.
 * It never sees a data frame; its plane does. It ends by goodbye, by violation, by refusal, by order, or when the window expires.
 * Three questions at once: does either side want it to end, how long may it be without a wire, is there one?
 * (In this order: where two regions answer one event, the earlier one decides whether the session ends.)
 */
export const resumeMachine = resumeSetup.createMachine({
  id: 'resume',
  meta: {
    delays: {
      handshakeTimeout: RESUME_LIMITS.handshakeTimeoutMs,
      helloTimeout: RESUME_LIMITS.helloTimeoutMs,
      reconnectWindow: RESUME_LIMITS.reconnectWindowMs,
      closeGrace: RESUME_LIMITS.closeGraceMs,
      goodbyePatience: RESUME_LIMITS.closeGraceMs / 3,
    },
  },
  context: ({ input: { role, session } }) => ({
    role,
    session,
    strikes: 0,
    progress: 0,
    everOpened: false,
    goodbyeCode: 'closed',
    isHurried: false,
  }),
  output: ({ context }) => ({ closing: context.closing ?? closing(context.goodbyeCode, 'local') }),
  options: { maxIterations: 1000 },
  entry: 'bindPump',
  initial: 'alive',
  states: {
    alive: {
      type: 'parallel',
      states: { intent, patience, linkage },
      on: {
        // The reason goes out first; the pump bounds how long that may take (RES-21).
        'peer.violated': { target: 'closed', actions: ['recordViolation', 'stopPolitely'] },
        'peer.accused': { target: 'closed', actions: ['recordAccusation', 'stopPolitely'] },
        'peer.refused': { target: 'closed', actions: 'recordRefusal' },
        abort: { target: 'closed', actions: 'recordAbort' },
      },
    },
    closed: { type: 'final', tags: 'terminal', entry: 'stopPump' },
  },
});
