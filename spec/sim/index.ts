/** The simulation, for tests of what is built on holdfast: a virtual clock, seeded chance, a cruel network, a whole world. */
export { SimClock } from './clock.js';
export { SimNetwork, type CutMode, type SimNetworkOptions } from './cruel.js';
export { SeededRandom } from './random.js';
export { runWorld, World, type Plan, type Report } from './world.js';
