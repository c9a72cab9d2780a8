import { transportCompliance } from '../compliance/transport.js';
import { memory, type MemoryOptions } from '../../transports/memory.js';

/** The host's time: the suite runs against it as against real sockets. */
const clock = { soon: queueMicrotask, setTimeout, clearTimeout: (handle: unknown) => clearTimeout(handle as NodeJS.Timeout) };
const badAddresses = ['memory://', 'memory:x', 'tcp://x:1', 'memory://a b'];

for (const lends of [false, true]) {
  transportCompliance(`memory${lends ? ' that lends' : ''}`, () => ({
    transport: memory({ clock, lends }),
    address: 'memory://here',
    nowhere: 'memory://nowhere',
    badAddresses,
  }));
}

test('transports/memory: without a clock there is no time, and it says so at once', () => {
  for (const options of [undefined, {}]) expect(() => memory(options as MemoryOptions)).toThrow('memory.clock: expected a clock');
});
