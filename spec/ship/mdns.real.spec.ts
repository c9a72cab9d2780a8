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

test('SHIP discovery by mDNS works on a real network: that of this host', async () => {
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
