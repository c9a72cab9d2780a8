import { and, cancel, fromCallback, fromPromise, not, raise, setup } from 'xstate';

/** A little of everything a chart can be: nothing here makes sense, and all of it must be drawn. */
export const sampleMachine = setup({
  types: {
    context: {} as { count: number },
    events: {} as
      | { type: 'go' | 'again' | 'stop' | 'halt' | 'pause' | 'back' | 'tick' | 'lift' | 'reset' }
      | { type: 'peer.said'; text: string },
    tags: {} as 'flows' | 'terminal',
    meta: {} as { rule?: string; name?: string },
  },
  actors: { wire: fromCallback(() => () => {}), fetch: fromPromise(() => Promise.resolve(1)) },
  actions: { openGate: () => {}, closeGate: () => {}, count: () => {}, tell: (_, _params: { news: string }) => {} },
  guards: { isReady: () => true, isFull: () => false },
  delays: { patience: 50, backoff: 20 },
}).createMachine({
  id: 'sample',
  context: { count: 0 },
  options: { maxIterations: 1000 },
  initial: 'idle',
  on: { halt: { target: '.closed', actions: 'count' }, tick: { actions: 'count' } },
  states: {
    idle: {
      description: 'Nothing is asked for yet.',
      meta: { rule: 'SMP-1', name: 'SME_STATE_IDLE' },
      on: { go: [{ guard: 'isReady', target: 'busy' }, { target: 'failed' }], again: { target: 'idle', reenter: true } },
      always: { guard: and(['isFull', not('isReady')]), target: 'failed' },
    },
    busy: {
      type: 'parallel',
      entry: ['openGate', { type: 'tell', params: { news: 'open' } }],
      exit: 'closeGate',
      invoke: { src: 'wire', id: 'wire', onError: 'failed' },
      on: { stop: '.work.asking', pause: 'resting' },
      onDone: { target: 'closed', actions: 'count' },
      states: {
        work: {
          initial: 'asking',
          states: {
            asking: {
              tags: 'flows',
              invoke: { src: 'fetch', onDone: 'finished' },
              on: { 'peer.said': { actions: 'count' }, lift: '#sample.busy', tick: {} },
            },
            finished: { type: 'final' },
            recent: { type: 'history' },
          },
        },
        patience: {
          initial: 'held',
          states: {
            held: { after: { patience: { target: 'expiring', actions: 'count' } } },
            expiring: { entry: raise({ type: 'tick' }, { id: 'later' }), exit: cancel('later'), after: { 1000: 'over' } },
            over: { type: 'final' },
          },
        },
      },
    },
    resting: { after: { backoff: 'idle' }, on: { back: 'busy.work.recent', stop: 'closed', reset: 'closed' } },
    failed: { on: { back: '#sample.busy.work.recent' } },
    closed: { type: 'final', tags: 'terminal' },
  },
});
