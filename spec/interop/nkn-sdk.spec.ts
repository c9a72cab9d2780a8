import { answerRelay, relayAddresses, type AddressDesk, type AddressReply } from '../../adapters/tuna/index.js';
import { NknNode, type NknClient } from './nkn-node.js';

/**
 * The address service through the real nkn-sdk, 1.3.6 as last seen: `NKN_SDK=<folder> npx jest spec/interop/nkn-sdk`, where the folder
 * has it installed (`npm install nkn-sdk@1.3.6`). It is no dependency: 57 packages, 58 MB.
 */
const folder = process.env['NKN_SDK'] ?? '';
const withSdk = folder === '' ? describe.skip : describe;

const FOUND: AddressReply = { word: 'addresses', addresses: ['tcp://127.0.0.1:1', undefined, 'tcp://127.0.0.1:3'] };
const responder: AddressDesk = { reply: ({ session }) => (session === undefined ? FOUND : { word: 'no-answer' }) };

withSdk('tuna/relay: through the real nkn-sdk', () => {
  let node: NknNode;
  beforeEach(async () => {
    node = new NknNode(folder);
    await node.start();
  });
  afterEach(() => node.stop());

  const asked = (client: NknClient, peer: string, session?: Uint8Array): Promise<AddressReply> =>
    new Promise((resolve) => relayAddresses(client, { attempts: 1, timeoutMs: 500 }).query(peer, session, resolve));
  const backTo = ({ addr }: NknClient): number => node.relayed.filter(({ to }) => to.endsWith(addr)).length;

  for (const kind of ['Client', 'MultiClient'] as const)
    test(`[TUNA-21] a ${kind}: an accepted peer gets the addresses, and a stranger gets nothing, not even an acknowledgement`, async () => {
      const [answerer, friend, stranger] = [await node.client(kind, 1), await node.client(kind, 2), await node.client(kind, 3)];
      answerRelay(answerer, responder, { accepts: (address) => address === friend.addr });
      expect(await asked(friend, answerer.addr)).toEqual(FOUND);
      expect(backTo(friend)).toBeGreaterThan(0);
      const before = backTo(friend);
      // Without an answer, and unwanted: nothing comes back.
      expect(await asked(friend, answerer.addr, Uint8Array.of(9))).toEqual({ word: 'no-answer' });
      expect(await asked(stranger, answerer.addr)).toEqual({ word: 'no-answer' });
      expect([backTo(friend), backTo(stranger)]).toEqual([before, 0]);
      // What is no question is left to the other handlers; without an answer of theirs the client acknowledges.
      expect(await stranger.send(answerer.addr, new TextEncoder().encode('hello'))).toBe(null);
      answerer.onMessage(() => Uint8Array.of(7));
      expect(await stranger.send(answerer.addr, new TextEncoder().encode('hello'))).toEqual(Uint8Array.of(7));
      expect(await asked(stranger, answerer.addr)).toEqual({ word: 'no-answer' });
    }, 30_000);
});
