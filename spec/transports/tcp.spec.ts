import { transportCompliance } from '../compliance/transport.js';
import { tcp } from '../../transports/tcp.js';

const badAddresses = [
  'tcp://127.0.0.1',
  '127.0.0.1:7000',
  'ws://127.0.0.1:7000',
  'tcp://127.0.0.1:70000',
  'tcp://[1::2::3]:7000',
  'tcp://a b:1',
];

for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
  transportCompliance(`tcp at ${host}`, () => ({
    transport: tcp(),
    address: `tcp://${host}:0`,
    nowhere: `tcp://${host}:1`,
    badAddresses,
  }));
}
