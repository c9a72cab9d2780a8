import { transportCompliance } from '../compliance/index.js';
import { SimClock } from './clock.js';
import { SimNetwork } from './network.js';
import { CALM } from './network.options.js';
import { SeededRandom } from './random.js';

describe('simulation/network: under the rules of every transport', () => {
  let isRunning = false;
  afterEach(() => (isRunning = false));

  for (const boundaries of ['stream', 'message'] as const) {
    for (const lends of [0, 1]) {
      transportCompliance(`a simulated network (${boundaries}, ${lends ? 'lent' : 'given'})`, () => {
        const clock = new SimClock();
        const random = new SeededRandom(1);
        const network = new SimNetwork(clock, random, {
          ...CALM,
          boundaries,
          lends,
          dialTimeoutMs: Infinity, // Virtual time runs ahead of the test.
          opensEarly: boundaries === 'stream' ? 0.5 : 0,
        });
        isRunning = true;
        const run = (): void => {
          for (let i = 0; i < 20; i++) clock.step();
          if (isRunning) setImmediate(run);
        };
        setImmediate(run);
        return {
          transport: network.transport('b'),
          dialer: network.transport('a'),
          address: 'sim://b:0',
          nowhere: 'sim://b:9',
          badAddresses: ['sim://', 'sim://b', 'sim://b:x', 'sim://b:65536', 'tcp://b:1', 'sim://b c:1'],
        };
      });
    }
  }
});
