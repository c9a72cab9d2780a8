import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ports } from '#platform';
import { makeIdentity } from '../../adapters/identity/index.js';
import { Hub, memoryTrust } from '../../adapters/ship/index.js';
import { ShipTrustFile } from '../../adapters/ship/trust-file.js';
import { shipTransport } from '../../transports/ship.js';
import { heldBytes } from '../sim/held.js';
import { Board, endHubs, node } from '../ship/nodes.js';
import { identityBeside } from './scripted-identity.js';
import { buildShipGo, ShipGo, shipGoAvailable } from './ship-go.js';

const withShipGo = shipGoAvailable() ? test : test.skip;
/** `CYCLES=1000` for the whole. */
const CYCLES = Number(process.env['CYCLES'] ?? 50);
/** What compiles and caches on the way is not a leak. */
const WARM = Math.max(20, CYCLES / 5);

const running: ShipGo[] = [];
beforeAll(async () => {
  if (shipGoAvailable()) await buildShipGo();
}, 240_000);
afterEach(async () => {
  await endHubs();
  await Promise.all(running.splice(0).map((go) => go.stop()));
}, 20_000);
async function start(options: Parameters<typeof ShipGo.start>[0] = {}): Promise<ShipGo> {
  const go = await ShipGo.start({ shipId: 'ship-go', ...options });
  running.push(go);
  return go;
}

/** What keeps the process alive or busy, by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

withShipGo(
  'connect, data both ways, close, again and again: no handle is left, and memory is flat',
  async () => {
    const go = await start();
    await go.setEcho(true);
    // ship-go now and then keeps a dead connection in its table, which only a higher SKI can replace (README.md, beside).
    const identity = await identityBeside(go.ski, 'above');
    const before = resources();
    const board = new Board();
    const wake: (() => void)[] = [];
    let connected = 0;
    let disconnected = 0;
    let echoed = 0;
    const hub: Hub = new Hub(
      {
        ski: identity.ski!,
        shipId: 'holdfast',
        transports: [shipTransport({ identity })],
        listen: ['wss://127.0.0.1:0/ship/'],
        discovery: board,
        trust: memoryTrust([{ ski: go.ski }]),
        ports: { ...ports, random: () => 0 }, // The first band begins at once.
      },
      {
        remoteSKIConnected: () => void connected++,
        remoteSKIDisconnected: () => {
          disconnected++;
          for (const each of wake.splice(0)) each();
        },
        setupRemoteDevice: () => () => {
          echoed++;
          for (const each of wake.splice(0)) each();
        },
      },
    );
    await hub.start();
    await go.register(hub.ski);
    const news = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
    const cycle = async (n: number): Promise<void> => {
      const connection = await hub.connectSKI(go.ski);
      await connection.send({ datagram: { n } });
      while (echoed < n) await news();
      await hub.disconnectSKI(go.ski);
      while (disconnected < n) await news();
    };
    board.show(go.ski, go.port);
    for (let n = 1; n <= WARM; n++) await cycle(n);
    go.forget();
    const held = await heldBytes();
    const began = performance.now();
    for (let n = WARM + 1; n <= WARM + CYCLES; n++) await cycle(n);
    const ms = performance.now() - began;
    go.forget();
    const more = (await heldBytes()) - held;
    expect([connected, disconnected, echoed]).toEqual(new Array(3).fill(WARM + CYCLES));
    await hub.shutdown();
    expect(hub.engine.metrics()).toMatchObject({ connections: 0, wires: 0, openings: 0 });
    const left = (): [string, number][] => Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0));
    let added = left();
    // Closed handles go at the end of the turn, those of sockets some turns later.
    for (let turn = 0; turn < 1000 && added.length > 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      added = left();
    }
    expect(added).toEqual([]);
    expect(more).toBeLessThan((1 << 20) + CYCLES * 512); // Garbage collectors are not exact; one connection is 40 KiB.
    process.stderr.write(
      `${CYCLES} cycles in ${Math.round(ms)} ms (${(ms / CYCLES).toFixed(1)} ms each); ` +
        `${Math.round(more / 1024)} KiB more than after the first ${WARM}\n`,
    );
  },
  30_000 + CYCLES * 200,
);

withShipGo(
  'our side restarts again and again: who was trusted is met again by itself, and its SHIP id is still known',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-'));
    try {
      const go = await start();
      const identity = await makeIdentity();
      await go.register(identity.ski!);
      for (let life = 0; life < 4; life++) {
        const trust = await ShipTrustFile.open(join(directory, 'trust.json'));
        const we = await node(identity, 'holdfast', { trust, ports: { ...ports, random: () => 0 } });
        we.board.show(go.ski, go.port);
        if (life === 0) we.hub.registerRemoteService(go.ski);
        const after = go.lastEvent;
        await we.until('connected');
        expect({ life, learnt: we.story.includes('id ship-go') }).toEqual({ life, learnt: life === 0 });
        await we.hub.getConnection(go.ski)!.connection.send({ datagram: { life } });
        await go.event('data', { after });
        await we.hub.shutdown();
        await trust.written();
        await go.event('disconnected', { after });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  30_000,
);
