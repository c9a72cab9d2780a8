/** A whole world from one seed: time, chance, a network that breaks, what goes wrong in it, and what must hold in spite of it. */
export { SimClock, type RunOptions, type SimClockOptions } from './clock.js';
export type { SimProcess } from './process.js';
export type { SimTimer } from './timers.js';
export { SeededRandom } from './random.js';
export { SimNetwork, type SimHostOptions, type SimNote } from './network.js';
export { CALM, CRUEL, type SimCounts, type SimNetworkOptions } from './network.options.js';
export type { CutMode, CutOptions, Side, SimLink } from './link.js';
export type { SimEnd } from './end.js';
export type { Route, SimHost } from './host.js';
export { describeFault, drawFaults, FAULT_WEIGHTS, type Fault, type FaultKind, type FaultPlanOptions } from './faults.js';
export { FaultPlan, type FaultHooks } from './fault-plan.js';
export * from './checks.js';
