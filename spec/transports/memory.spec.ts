import { transportCompliance } from '../compliance/transport.js';
import { memory } from '../../transports/memory.js';

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
