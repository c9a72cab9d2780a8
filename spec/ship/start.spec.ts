import { API_STATES } from '../../machines/connection/api-state.js';
import { Hub } from '../../adapters/ship/index.js';
import { makeIdentity } from '../../adapters/identity/index.js';
import { shipTransport } from '../../transports/ship.js';
import { HubStage } from './hub-stage.js';
import { createServer, type AddressInfo, type Server } from 'node:net';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, LOW, through } from './played.js';
import { endsAfterEach } from './nodes.js';

const ends = endsAfterEach();

const listening = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen({ host: '127.0.0.1', port }, () => resolve(server));
  });
const free = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

test('SHIP start: after a failed start it can be repeated, and the error names the cause', async () => {
  const identity = await makeIdentity();
  const other = await listening(0);
  const { port } = other.address() as AddressInfo;
  const listen = [`wss://127.0.0.1:${port}/ship/`, 'wss://127.0.0.1:0/ship/'];
  const hub = new Hub({ ski: identity.ski!, shipId: 'id', transports: [shipTransport({ identity })], listen });
  ends.push(() => hub.shutdown());
  await expect(hub.start()).rejects.toThrow(/can't listen at wss:\/\/127\.0\.0\.1:\d+\/ship\/: .*EADDRINUSE/);
  await expect(hub.start()).rejects.toThrow('EADDRINUSE');
  await free(other);
  await hub.start();
  expect(hub.engine.addresses).toHaveLength(2);
  await expect(hub.start()).rejects.toThrow('the hub is started already');
});

test('SHIP start: a discovery that fails to announce ends the start, which can be repeated', async () => {
  let isDown = true;
  const s = await HubStage.of([]);
  const announce = (): void => {
    if (isDown) throw new Error('the network is down');
  };
  const hub = new Hub({ ...s.hub.options, discovery: Object.assign(s.board, { announce }) });
  const start = (): Promise<void> => {
    const started = hub.start();
    s.clock.settle();
    return started;
  };
  await expect(start()).rejects.toThrow('the network is down');
  isDown = false;
  await start();
  const over = hub.shutdown();
  s.clock.advance(15_000);
  await over;
  await s.end();
});

describe('SHIP disconnect: in any phase, with its reason', () => {
  test.each(['cmi', 'hello', 'protocol', 'pin'] as const)(
    'of a dial in %s: it ends, gets the reason, and is dialed anew in the first band',
    async (phase) => {
      const s = await HubStage.of([HIGH]);
      s.announce(HIGH);
      const { wire } = s.nextDial();
      through(wire.open(), AS_SERVER, phase);
      const done = s.hub.disconnectSKI(HIGH, 'maintenance');
      s.clock.advance(600);
      await done;
      expect(wire.ended).toBe(4500);
      expect(s.hub.engine.peers.lastClosing(HIGH)).toMatchObject({
        code: 'closed',
        side: 'local',
        detail: { message: 'maintenance' },
      });
      s.nextDial(3000);
      await s.end();
    },
  );

  test('of a stranger in pairing, and of a dial that is not open yet', async () => {
    const s = await HubStage.of([HIGH], {}, { allowWaitingForTrust: () => true });
    const stranger = s.dialIn(LOW)!.say(p.INIT, p.READY);
    s.announce(HIGH);
    const { wire } = s.nextDial();
    expect(s.hub.getConnectionState(LOW)).toBe(API_STATES.receivedPairingRequest);
    const done = s.hub.disconnectAllSKIs('not now');
    s.clock.advance(600);
    await done;
    expect([stranger.ended, wire.ended]).toEqual([4500, 'destroyed']);
    s.nextDial(3000);
    await s.end();
  });

  test('of a connection: announced, and the reason in the close frame, cut to its 123 bytes', async () => {
    const s = await HubStage.of([HIGH]);
    const wire = through(s.dialIn(HIGH)!, AS_CLIENT, 'access');
    const farewells: (string | undefined)[] = [];
    const close = wire.close.bind(wire);
    wire.close = (code?: number, reason?: string) => (farewells.push(reason), close(code));
    const done = s.hub.disconnectSKI(HIGH, 'ö'.repeat(200));
    s.clock.settle();
    expect(wire.last('close')).toMatchObject({ phase: 'announce' });
    s.clock.advance(600);
    await done;
    expect(farewells).toEqual(['ö'.repeat(61)]);
    await s.end();
  });

  test('where there is nothing, nothing happens', async () => {
    const s = await HubStage.of([HIGH]);
    await s.hub.disconnectSKI(HIGH, 'x');
    s.announce(HIGH);
    await s.hub.disconnectSKI(HIGH, 'x'); // It waits for its band, and goes on to.
    s.nextDial(3000);
    await s.end();
  });
});
