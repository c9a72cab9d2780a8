import { API_STATES } from '../../machines/connection/api-state.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { HubStage } from './hub-stage.js';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, through } from './played.js';

const skis = (digits: string): string[] => [...digits].map((each) => each.repeat(40));
const TEN = skis('0123467890'.slice(0, 9) + 'f');

/** Ten paired devices that discovery has and that answer nothing: switched off. */
async function switchedOff(peers = TEN): Promise<HubStage> {
  const s = await HubStage.of(peers);
  for (const ski of peers) s.announce(ski);
  s.clock.advance(3000);
  for (const dial of s.dials) dial.handler.onClose({ kind: 'unreachable' });
  s.clock.settle();
  return s;
}

describe('[SHIP-13] SHIP/places: places are for connections', () => {
  test('SHIP places: ten paired devices that are switched off keep no eleventh out', async () => {
    const s = await switchedOff([...TEN, 'a'.repeat(40)]);
    expect(s.hub.engine.metrics().utilisation).toBe(0);
    through(s.dialIn('a'.repeat(40))!, AS_CLIENT, 'access');
    expect(s.hub.getConnectionState('a'.repeat(40))).toBe(API_STATES.completed);
    await s.end();
  });

  test('SHIP places: the eleventh registered device is dialed as the ten are, and none is forgotten', async () => {
    const s = await switchedOff();
    const eleventh = 'a'.repeat(40);
    s.hub.registerRemoteService(eleventh);
    s.announce(eleventh);
    s.clock.runUntil(() => s.dials.some(({ address }) => address.startsWith('wss://a')), { withinMs: 3000 });
    await s.end();
  });

  test('SHIP places: 300 paired devices, 10 places: every one of them is dialed again and again', async () => {
    const many = Array.from({ length: 250 }, (_, i) => (i + 4096).toString(16).padStart(40, '0'));
    const s = await HubStage.of(many);
    const dialed = new Map<string, number>();
    s.board.services = many.map((ski) => ({
      ski,
      host: `h${ski.slice(-4)}`,
      addresses: [],
      port: 1,
      path: '/',
      isRegistering: false,
      isVisible: true,
    }));
    s.announce(many[0]!, `h${many[0]!.slice(-4)}`);
    s.skiAt = () => 'b'.repeat(40);
    for (let i = 0; i < 600; i++) {
      s.clock.advance(1000);
      for (const { wire, handler, address } of s.dials.splice(0)) {
        dialed.set(address, (dialed.get(address) ?? 0) + 1);
        wire.ended = 'destroyed';
        handler.onClose({ kind: 'refused' });
      }
    }
    expect(dialed.size).toBe(250);
    expect(Math.min(...dialed.values())).toBeGreaterThan(3);
    await s.end();
  });
});

describe('[SHIP-13] SHIP/places: a paired peer displaces a stranger in pairing', () => {
  const crowded = async (): Promise<HubStage> => {
    const s = await HubStage.of(['a'.repeat(40)], { maxConnections: 3 }, { allowWaitingForTrust: () => true });
    for (const ski of skis('012')) s.dialIn(ski)!.say(p.INIT, p.READY);
    expect(s.told.filter((each) => each.endsWith('state 3'))).toHaveLength(3);
    return s;
  };

  test('SHIP places: one that comes in takes the place of the stranger that is here longest', async () => {
    const s = await crowded();
    through(s.dialIn('a'.repeat(40))!, AS_CLIENT, 'access');
    const states = ['a', '0', '1', '2'].map((each) => s.hub.getConnectionState(each.repeat(40)));
    expect(states).toEqual([
      API_STATES.completed,
      API_STATES.none,
      API_STATES.receivedPairingRequest,
      API_STATES.receivedPairingRequest,
    ]);
    await s.end();
  });

  test('SHIP places: one that is dialed does too', async () => {
    const s = await crowded();
    s.announce('a'.repeat(40));
    through(s.nextDial(3000).wire.open(), AS_SERVER, 'access');
    expect(s.hub.getConnectionState('a'.repeat(40))).toBe(API_STATES.completed);
    await s.end();
  });

  test('SHIP places: a paired peer in its handshake gives way to no other', async () => {
    const s = await HubStage.of(['a'.repeat(40), 'b'.repeat(40)], { maxConnections: 1 });
    const first = s.dialIn('a'.repeat(40))!.say(p.INIT);
    expect(s.dialIn('b'.repeat(40))).toBeUndefined();
    expect([first.ended, s.told.at(-1)]).toEqual([undefined, 'b refused limit-reached']);
    await s.end();
  });

  test('SHIP places: a fourth stranger is sent away, and so is a paired peer when all places are connections', async () => {
    const s = await crowded();
    expect(s.dialIn('4'.repeat(40))).toBeUndefined();
    expect(s.told.at(-1)).toBe('4 refused limit-reached');
    const full = await HubStage.of(skis('012a'), { maxConnections: 3 });
    for (const ski of skis('012')) through(full.dialIn(ski)!, AS_CLIENT, 'access');
    expect(full.dialIn('a'.repeat(40))).toBeUndefined();
    expect(full.hub.getConnectionCount()).toBe(3);
    await s.end();
    await full.end();
  });
});

describe('[SHIP-13] SHIP/places: a registration beyond the limit waits visibly', () => {
  const full = async (): Promise<HubStage> => {
    const s = await HubStage.of(skis('012ac'), { maxConnections: 3 });
    for (const ski of skis('012')) through(s.dialIn(ski)!, AS_CLIENT, 'access');
    for (const ski of skis('ac')) s.announce(ski);
    s.clock.advance(3000);
    return s;
  };

  test('SHIP places: it says so once, is queued, and is dialed when a connection has ended', async () => {
    const s = await full();
    s.clock.advance(600_000);
    expect(s.dials).toEqual([]);
    expect(s.told.filter((each) => each.includes('waits')).sort()).toEqual([
      'a waits for one of 3 places',
      'c waits for one of 3 places',
    ]);
    expect(s.hub.getConnectionState('a'.repeat(40))).toBe(API_STATES.queued);
    expect(s.hub.engine.peers.state('a'.repeat(40))).toMatchObject({ state: 'queued', isWaitingForPlace: true });
    expect(s.hub.debugConnectionState()).toContain('waits for a place: the limit of connections is reached');
    await s.end();
  });

  test.each(['ended', 'raised', 'first one unregistered'])(
    'SHIP places: it is dialed within the first band (limit %s)',
    async (how) => {
      const s = await full();
      if (how === 'raised') s.hub.setMaxConnections(4);
      else void s.hub.disconnectSKI('0'.repeat(40));
      if (how === 'first one unregistered') s.hub.unregisterRemoteService('a'.repeat(40));
      s.clock.advance(1000);
      const { wire } = s.nextDial(3000);
      through(wire.open(), AS_SERVER, 'access');
      expect(s.hub.getConnectionCount()).toBe(how === 'raised' ? 4 : 3);
      await s.end();
    },
  );

  test('SHIP places: a caller is refused at once, where a registration waits', async () => {
    const s = await full();
    await expect(s.hub.connectSKI('a'.repeat(40))).rejects.toMatchObject({ closing: { code: 'limit-reached', side: 'local' } });
    await s.end();
  });
});

test('SHIP places: registrations have a bound of their own, and an event beyond it', async () => {
  const peers = Array.from({ length: 1030 }, (_, i) => (i + 4096).toString(16).padStart(40, '0'));
  const beyond: string[] = [];
  const s = await HubStage.of(
    [],
    { trust: memoryTrust(peers.map((ski) => ({ ski }))) },
    { connectionLimitReached: (ski) => beyond.push(ski) },
  );
  s.board.services = peers.map((ski) => ({ ski, host: 'a', addresses: [], port: 1, isRegistering: false, isVisible: true }));
  s.announce('a'.repeat(40));
  expect(beyond).toEqual(peers.slice(1024));
  await s.end();
});
