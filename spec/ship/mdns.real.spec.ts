import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mdnsDiscovery } from '../../adapters/ship/discovery-mdns.js';
import type { Discovery, RemoteService } from '../../adapters/ship/discovery.js';
import { mdnsNetwork, type OpenMdns } from '../../adapters/ship/mdns-network.js';

const [a, b] = ['a', 'b'].map((each) => each.repeat(40)) as [string, string];
const listening = { addresses: ['wss://[::]:4711/ship/'], isRegistering: false };
const troubles: string[] = [];
const open: Discovery[] = [];
afterEach(async () => {
  for (const each of open) await each.close();
});

test('SHIP/mdns real: SHIP discovery by mDNS works on a real network: that of this host', async () => {
  const real = { open: mdnsNetwork({ interface: '127.0.0.1', port: 15353 }), addressesOfHost: () => ['127.0.0.1'] };
  // Only a question on the network can tell, so it is too late to be counted as skipped.
  if (!(await hearsItself(real.open))) return console.warn('skipped: this host has no multicast on its loopback interface');
  const make = (ski: string): Promise<Discovery> => mdnsDiscovery({ ski, shipId: `i:${ski[0]}`, onTrouble: (each) => troubles.push(each), ...real }); // prettier-ignore
  const one = await make(a);
  const two = await make(b);
  open.push(one, two);
  const until = (isMet: (services: readonly RemoteService[]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const end = two.subscribe((services) => isMet(services) && queueMicrotask(() => (end(), resolve())));
    });
  await one.announce!({ ...listening, isRegistering: true });
  await until((services) => services.some(({ isVisible }) => isVisible));
  expect(two.find(a)).toMatchObject({ shipId: 'i:a', addresses: ['127.0.0.1'], port: 4711, isRegistering: true });
  await Promise.all([until((services) => services.every(({ isVisible }) => !isVisible)), one.close()]);
  expect(troubles).toEqual([]);
});

test('SHIP/mdns real: SHIP discovery finds a device whose name holds a dot, and that sends its records one by one', async () => {
  const [group, port] = ['224.0.0.251', 15354];
  const network = mdnsNetwork({ interface: '127.0.0.1', port });
  if (!(await hearsItself(network))) return console.warn('skipped: this host has no multicast on its loopback interface');
  const service = ['_ship', '_tcp', 'local'];
  const instance = ['EVSE 2.0', ...service];
  const asked: string[] = [];
  const device = createSocket({ type: 'udp4', reuseAddr: true });
  device.on('message', (packet) => {
    if ((packet[2]! & 0x80) !== 0) return; // An answer.
    const isFor = (labels: readonly string[], type: number): boolean =>
      packet.includes(Buffer.concat([nameOf(labels), u16(type)]));
    const say = (name: readonly string[], type: number, data: Buffer): void =>
      device.send(answerOf(name, type, data), port, group);
    if (isFor(service, 12)) say(service, 12, nameOf(instance));
    if (isFor(instance, 33)) say(instance, 33, Buffer.concat([u16(0), u16(0), u16(4711), nameOf(['evse', 'local'])]));
    if (isFor(instance, 16)) say(instance, 16, Buffer.concat(txtOf(a).map((each) => Buffer.from([each.length, ...Buffer.from(each)])))); // prettier-ignore
    if (isFor(['evse', 'local'], 1)) say(['evse', 'local'], 1, Buffer.from([127, 0, 0, 1]));
    if (isFor(instance, 33)) asked.push('SRV');
  });
  device.bind(port, '0.0.0.0');
  await once(device, 'listening');
  device.addMembership(group, '127.0.0.1');
  device.setMulticastInterface('127.0.0.1');
  const found = await mdnsDiscovery({ ski: b, shipId: 'i:b', onTrouble: (each) => troubles.push(each), open: network });
  open.push(found);
  await new Promise<void>((resolve) => {
    const end = found.subscribe((services) => {
      if (services.some(({ addresses }) => addresses.length > 0)) queueMicrotask(() => (end(), resolve()));
    });
  });
  device.close();
  expect(found.find(a)).toMatchObject({ name: 'EVSE 2.0', host: 'evse.local', port: 4711, addresses: ['127.0.0.1'] });
  expect([asked.length > 0, troubles]).toEqual([true, []]);
});

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const nameOf = (labels: readonly string[]): Buffer =>
  Buffer.concat([...labels.map((each) => Buffer.from([each.length, ...Buffer.from(each)])), Buffer.from([0])]);
const txtOf = (ski: string): readonly string[] => ['txtvers=1', 'id=i:a', 'path=/ship/', `ski=${ski}`, 'register=false'];
/** A response with one record. */
const answerOf = (name: readonly string[], type: number, data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
    nameOf(name),
    ...[u16(type), u16(1), u16(0), u16(120), u16(data.length)],
    data,
  ]);

const silent = { onQuestions: () => {}, onRecords: () => {}, onLost: () => {} };

/** Whether multicast works here; its own question comes back to who asks. */
async function hearsItself(openMdns: OpenMdns): Promise<boolean> {
  let heard = (_: boolean): void => {};
  const answer = new Promise<boolean>((resolve) => (heard = resolve));
  const network = await openMdns({ ...silent, onQuestions: () => heard(true) });
  network.ask([{ name: 'nobody.local', type: 'A' }]);
  // Where there is no multicast nothing comes, and the real clock alone can say so.
  const patience = setTimeout(() => heard(false), 1000);
  const hears = await answer;
  clearTimeout(patience);
  await network.close();
  return hears;
}
