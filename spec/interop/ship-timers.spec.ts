import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pass } from 'node:timers/promises';
import { makeIdentity } from '../../adapters/identity/index.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { endHubs, node, type Node } from '../ship/nodes.js';
import { listenPeer } from './scripted-listener.js';
import { dialPeer } from './scripted-peer.js';
import { buildShipGo, ShipGo, shipGoAvailable } from './ship-go.js';
import { slow } from './slow.js';
import { nearly, observe, silences, type Outcome } from './silences.js';

/**
 * Slow: ship-go's timers can't be turned, and a band is a band. Everything is begun at once, in `beforeAll`, and runs side by
 * side for 70 s; the tests then look at what came of it. They run in CI, and with SLOW=1.
 */
const isWanted = slow();
const always = isWanted ? test : test.skip;
const withShipGo = isWanted && shipGoAvailable() ? test : test.skip;
const WATCHED_MS = 45_000;
const ends: (() => unknown)[] = [];

/** Something that dials, or lets itself be dialed by, peers that it trusts or not. */
interface Device {
  readonly port: number;
  see(entries: readonly { readonly ski: string; readonly port: number }[]): Promise<void>;
}

async function holdfastDevice(trusted: readonly string[]): Promise<Device> {
  const trust = memoryTrust(trusted.map((ski) => ({ ski })));
  const { port, board } = await node(await makeIdentity(), 'holdfast', { trust, maxConnections: 100 });
  return { port, see: async (entries) => entries.forEach((entry) => board.show(entry.ski, entry.port)) };
}

async function shipGoDevice(trusted: readonly string[]): Promise<Device> {
  const go = await ShipGo.start({ trusted, allowWaiting: true });
  ends.push(() => go.stop());
  return go;
}

/** Every silence towards one device, at once. */
async function keepSilent(make: (trusted: readonly string[]) => Promise<Device>): Promise<Outcome[]> {
  const cast = await Promise.all(silences.map(async (silence) => ({ silence, me: await makeIdentity() })));
  const device = await make(cast.flatMap(({ silence, me }) => (silence.trustsUs === false ? [] : [me.ski!])));
  const listeners = await Promise.all(
    cast.map(async ({ silence, me }) => (silence.device === 'client' ? await listenPeer({ identity: me }) : undefined)),
  );
  ends.push(() => Promise.all(listeners.map(async (listener) => listener?.close())));
  await device.see(listeners.flatMap((listener) => (listener ? [{ ski: listener.ski!, port: listener.port }] : [])));
  return Promise.all(
    cast.map(async ({ silence, me }, i) => {
      const peer = (await listeners[i]?.peer()) ?? (await dialPeer({ port: device.port, identity: me }));
      ends.push(() => peer.drop());
      return observe(peer, silence);
    }),
  );
}

/** A node that trusts a peer at whose port every connection is reset at once; when they came, in milliseconds. */
async function rejected(): Promise<{ we: Node; at: number[] }> {
  const [identity, peer] = await Promise.all([makeIdentity(), makeIdentity()]);
  const at: number[] = [];
  const server = createServer((socket) => {
    at.push(performance.now() - began);
    socket.on('error', () => {}).resetAndDestroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const we = await node(identity, 'holdfast', { trust: memoryTrust([{ ski: peer.ski! }]) });
  const began = performance.now();
  we.board.show(peer.ski!, (server.address() as AddressInfo).port);
  return { we, at };
}

/** Connections to a port that refuses, in 45 s; where told so, the hub is shut down after its first loss. */
async function countDials(shutDown: boolean): Promise<number[]> {
  const { we, at } = await rejected();
  if (shutDown) {
    await we.until('state 9');
    await we.hub.shutdown();
    expect(we.hub.engine.metrics()).toMatchObject({ connections: 0, wires: 0 });
  }
  await pass(WATCHED_MS); // What must not come are dials at the wrong moment, of a whole hub on the real clock and real sockets.
  return at;
}

let all: {
  readonly holdfast: Promise<Outcome[]>;
  readonly shipGo: Promise<Outcome[]>;
  readonly refused: Promise<number[][]>;
  readonly shutDown: Promise<number[][]>;
};
beforeAll(async () => {
  if (!isWanted) return;
  if (shipGoAvailable()) await buildShipGo();
  const five = [1, 2, 3, 4, 5];
  all = {
    holdfast: keepSilent(holdfastDevice),
    shipGo: shipGoAvailable() ? keepSilent(shipGoDevice) : Promise.resolve([]),
    refused: Promise.all(five.map(() => countDials(false))),
    shutDown: Promise.all(five.map(() => countDials(true))),
  };
  await Promise.allSettled(Object.values<Promise<unknown>>(all)); // What failed says so in its test.
}, 300_000);
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endHubs();
}, 20_000);

const named = (of: readonly Outcome[]): unknown => silences.map(({ name, device }, n) => ({ name, device, ...of[n] }));
const nearlyAll = (of: readonly Outcome[], expected: readonly Outcome[]): Outcome[] =>
  of.map((each, n) => nearly(each, expected[n]!));

/** ship-go closes the socket while it writes its error number: which of the two is first is a matter of its scheduler. */
const withoutErrorNumber = ({ said, code }: Outcome): Outcome => ({
  code,
  said: said.filter((each) => !/ (error|messageProtocolHandshakeError) \d+$/.test(each)),
});

always(
  'TC_SHIP_CMI_003 TC_SHIP_CMI_004 TC_SHIP_HELLO_003 TC_SHIP_PROT_003 TC_SHIP_PROT_004 every silence has an end, or a word that asks for more time',
  async () => {
    const expected = silences.map((silence) => silence.holdfast);
    expect(named(nearlyAll(await all.holdfast, expected))).toEqual(named(expected));
  },
);

withShipGo(
  'ship-go ends the same silences at the same seconds, but for that of the PIN; its error numbers mostly stay unsaid',
  async () => {
    const expected = silences.map((silence) => silence.shipGo);
    const said = (await all.shipGo).map(withoutErrorNumber);
    expect(named(nearlyAll(said, expected))).toEqual(named(expected));
  },
);

always('a port that refuses is dialed once per band: 0 to 3, then 3 to 10, then every 10 to 20 seconds', async () => {
  for (const at of await all.refused) {
    // An attempt is the announced path, and then the bare address, at once.
    expect(at.length % 2).toBe(0);
    const attempts = at.filter((_, i) => i % 2 === 0);
    for (const [i, ms] of attempts.entries()) expect(at[2 * i + 1]! - ms).toBeLessThan(1000);
    const waits = attempts.map((ms, i) => ms - (attempts[i - 1] ?? 0));
    const bands = waits.map(
      (_, i) =>
        [
          [0, 3000],
          [3000, 10_000],
          [10_000, 20_000],
        ][Math.min(i, 2)]!,
    );
    const isIn = waits.map((wait, i) => wait >= bands[i]![0]! - 5 && wait < bands[i]![1]! + 1000);
    expect({ waits, isIn }).toEqual({ waits, isIn: waits.map(() => true) });
    expect(attempts.length).toBeGreaterThanOrEqual(3);
    expect(attempts.length).toBeLessThanOrEqual(6);
  }
});

always('after shutdown nothing dials', async () => {
  expect((await all.shutDown).map((at) => at.length)).toEqual([2, 2, 2, 2, 2]);
});
