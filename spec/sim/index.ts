/** The simulation, for tests of what is built on holdfast: a virtual clock, seeded chance, a cruel network, a whole world. */
export { SimClock } from './clock.js';
export { FaultPlan } from './fault-plan.js';
export { SimNetwork } from './network.js';
export { CALM, CRUEL, type SimNetworkOptions } from './network.options.js';
export { SeededRandom } from './random.js';
export type { Report } from './report.js';
export { recorded } from './recorded.js';
export type { Watcher } from './watcher.js';
export { runWorld, World, type Plan, type WorldCounts } from './world.js';
export { Alternating, Bounded, ExactlyOnceInOrder, LiveAgainWithin, NothingLeft, SettledOnce } from './checks.js';
