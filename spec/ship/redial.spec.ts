import { API_STATES } from '../../machines/connection/api-state.js';
import type { WireCause } from '../../machines/ports.js';
import { HubStage, type PlayedDial } from './hub-stage.js';
import { see, skiOf, Town, trusting } from './town.js';
import * as p from './played.js';
import { AS_SERVER, HIGH, LOW, through } from './played.js';

/** One ending that used to be taken for final: what the peer, or who answers at its address, does. */
const ENDINGS: Readonly<Record<string, (dial: PlayedDial, s: HubStage) => void>> = {
  'another device at the old address': (dial, s) => {
    s.skiAt = () => 'b'.repeat(40);
    Object.assign(dial.wire, { identity: { fingerprint: 'f'.repeat(64), ski: 'b'.repeat(40) } });
    dial.wire.open();
  },
  'a TLS alert': ({ handler }) => handler.onClose({ kind: 'tls-failed', code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' }),
  'a certificate that will not do': ({ handler }) => handler.onClose({ kind: 'identity-mismatch' }),
  'an HTTP answer that is none of ours': ({ handler }) => handler.onClose({ kind: 'malformed' }),
  'a garbage hello': ({ wire }) => wire.open().say(p.INIT, Uint8Array.of(1, 33, 33)),
  'no connection mode': ({ wire }) => wire.open().say(Uint8Array.of(0, 7)),
  'a PIN': ({ wire }) => through(wire.open(), AS_SERVER, 'protocol').say({ kind: 'pin', pinState: 'required' }),
  'a protocol of its own': ({ wire }) => through(wire.open(), AS_SERVER, 'hello').say(p.ANNOUNCE),
  'a text frame while connected': ({ wire }) => through(wire.open(), AS_SERVER, 'access').cut({ kind: 'malformed', code: 1003 }),
  'a message of 120 kB while connected': ({ wire }) =>
    through(wire.open(), AS_SERVER, 'access').cut({ kind: 'oversized', code: 1009 }),
  'another SHIP id than before': ({ wire }, s) => {
    s.hub.registerRemoteService(HIGH, 'another-id');
    through(wire.open(), AS_SERVER, 'access');
  },
};

describe('[SHIP-12] SHIP/redial: a paired device is dialed again in the last band, whatever the ending', () => {
  test.each(Object.keys(ENDINGS))('SHIP redial: %s', async (name) => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    let dial = s.nextDial();
    for (let nth = 1; nth <= 4; nth++) {
      ENDINGS[name]!(dial, s);
      s.clock.runUntil(() => s.hub.getConnectionState(HIGH) === API_STATES.queued, { withinMs: 2000 });
      const waitMs = s.hub.getNextDelay(HIGH);
      expect({ nth, waitMs, isLast: waitMs !== undefined && waitMs >= 9_000 && waitMs < 20_000 }).toEqual({
        nth,
        waitMs,
        isLast: true,
      });
      dial = s.nextDial();
    }
    await s.end();
  });

  test('SHIP redial: bands begin anew after a connection, and a loss is followed by the first one', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    s.nextDial().handler.onClose({ kind: 'tls-failed' });
    through(s.nextDial().wire.open(), AS_SERVER, 'access').cut();
    expect(s.hub.getNextDelay(HIGH)).toBeLessThan(3000);
    expect(s.hub.getConnectionAttemptCount(HIGH)).toBe(1);
    await s.end();
  });
});

describe('[SHIP-12] SHIP/redial: discovery that has another entry is followed at once', () => {
  const astray = async (): Promise<HubStage> => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    for (let i = 0; i < 3; i++) s.nextDial().handler.onClose({ kind: 'identity-mismatch' });
    s.clock.settle();
    expect(s.hub.getNextDelay(HIGH)).toBeGreaterThan(9000);
    return s;
  };

  test('SHIP redial: a new address is dialed at once, and the row begins anew', async () => {
    const s = await astray();
    s.announce(HIGH, 'a-new.local');
    const at = s.clock.now();
    const { address, atMs, handler } = s.nextDial();
    expect([address, atMs - at]).toEqual(['wss://a-new.local:1/', 0]);
    handler.onClose({ kind: 'refused' });
    s.clock.settle();
    expect(s.hub.getNextDelay(HIGH)).toBeLessThan(10_000);
    await s.end();
  });

  test('SHIP redial: a device that is announced again is dialed at once', async () => {
    const s = await astray();
    s.announce(HIGH, 'a.local', false);
    s.clock.advance(100);
    expect(s.hub.getNextDelay(HIGH)).toBeGreaterThan(3000); // That it has gone is no reason to dial.
    s.announce(HIGH);
    expect(s.nextDial(1).address).toBe('wss://a.local:1/');
    await s.end();
  });

  test('SHIP redial: an entry that comes again unchanged hastens nothing', async () => {
    const s = await astray();
    const waitMs = s.hub.getNextDelay(HIGH)!;
    for (let i = 1; i <= 5; i++) {
      s.clock.advance(1000);
      s.announce(HIGH);
      expect(s.hub.getNextDelay(HIGH)).toBeCloseTo(waitMs - 1000 * i, 0);
    }
    await s.end();
  });

  test('SHIP redial: an attempt that hangs at the old address makes room for one at the new', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    const hanging = s.nextDial();
    s.announce(HIGH, 'a-new.local');
    expect(s.nextDial(1).address).toBe('wss://a-new.local:1/');
    expect(hanging.wire.ended).toBe('destroyed');
    await s.end();
  });

  test('SHIP redial: an entry that changes all the time is followed by the bands', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    s.nextDial();
    const before = s.dials.length;
    for (let i = 0; i < 300; i++) {
      s.announce(HIGH, `a-${i}.local`);
      s.dials
        .slice(before)
        .forEach(
          ({ wire, handler }) => wire.ended === undefined && ((wire.ended = 'destroyed'), handler.onClose({ kind: 'refused' })),
        );
      s.clock.advance(100);
    }
    expect(s.dials.length - before).toBeLessThan(60); // 30 s: ten at once, and what the first band gives.
    await s.end();
  });

  test('SHIP redial: a connected peer is left alone when its entry changes', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    const { wire } = s.nextDial();
    through(wire.open(), AS_SERVER, 'access');
    s.announce(HIGH, 'a-new.local');
    s.clock.advance(60_000);
    expect([wire.ended, s.dials.length]).toEqual([undefined, 1]);
    await s.end();
  });

  test('SHIP redial: what changed while it was connected does not delay what changes after the loss', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    const { wire } = s.nextDial();
    through(wire.open(), AS_SERVER, 'access');
    s.announce(HIGH, 'a-new.local');
    s.clock.advance(100);
    wire.cut();
    s.announce(HIGH, 'a-newer.local');
    expect(s.nextDial(1).address).toBe('wss://a-newer.local:1/');
    await s.end();
  });
});

describe('[SHIP-3] SHIP/redial: a denial of trust stops dialing, and says so', () => {
  const denied = async (redialDenied: boolean): Promise<HubStage> => {
    const s = await HubStage.of([HIGH], { redialDenied });
    s.announce(HIGH);
    s.nextDial().wire.open().say(p.INIT, p.ABORTED);
    s.clock.advance(1000);
    return s;
  };

  test('SHIP denial: an event says what would help; the peer is not dialed, also not when its entry changes', async () => {
    const s = await denied(false);
    expect(s.told.filter((each) => each.includes('stopped'))).toEqual([
      'a stopped trust-denied: Accept the peer on the other side, then register it again.',
    ]);
    s.announce(HIGH, 'a-new.local');
    s.clock.advance(600_000);
    expect([s.dials.length, s.hub.getConnectionState(HIGH)]).toEqual([1, API_STATES.none]);
    expect(s.hub.debugConnectionState()).toContain('not dialed: its user denied trust');
    s.hub.registerRemoteService(HIGH);
    s.nextDial(3000);
    await s.end();
  });

  test('SHIP denial: with redialDenied it is dialed in the last band all the same', async () => {
    const s = await denied(true);
    expect(s.told.filter((each) => each.includes('stopped'))).toEqual([]);
    expect(s.hub.getNextDelay(HIGH)).toBeGreaterThanOrEqual(9000);
    through(s.nextDial().wire.open(), AS_SERVER, 'access');
    expect(s.hub.getConnectionState(HIGH)).toBe(API_STATES.completed);
    await s.end();
  });

  test('SHIP denial: a denied peer that dials by itself comes in', async () => {
    const s = await denied(false);
    through(s.dialIn(HIGH)!, p.AS_CLIENT, 'access');
    expect(s.hub.getConnectionState(HIGH)).toBe(API_STATES.completed);
    await s.end();
  });
});

/** How peers and what stands between end a wire in good order. Only 4452 says that a user denied trust. */
const ORDERLY_ENDS: readonly WireCause[] = [
  { kind: 'ended' },
  { kind: 'ended', code: 1000, reason: 'double connection' },
  { kind: 'ended', code: 1001 },
  { kind: 'ended', code: 1005 },
  { kind: 'ended', code: 4001, reason: 'close' },
  { kind: 'ended', code: 4500, reason: 'User close' },
];

describe('[SHIP-3] SHIP/redial: only the peer’s own denial stops dialing', () => {
  test.each(ORDERLY_ENDS.map((cause) => [`${cause.code ?? 'without a code'}`, cause] as const))(
    'SHIP denial: an orderly end (%s) while the peer’s user has still to decide is none',
    async (_, cause) => {
      for (const words of [[p.PENDING], [p.PENDING, p.MORE], [p.PENDING, p.READY]]) {
        const s = await HubStage.of([HIGH]);
        s.announce(HIGH);
        s.nextDial()
          .wire.open()
          .say(p.INIT, ...words)
          .cut(cause);
        expect(s.hub.engine.peers.lastClosing(HIGH)).toMatchObject({ code: 'reset', side: 'remote' });
        expect(s.told.filter((each) => each.includes('stopped'))).toEqual([]);
        through(s.nextDial().wire.open(), AS_SERVER, 'access');
        await s.end();
      }
    },
  );

  test('SHIP denial: 4452 is one in any phase, and so is `aborted` until the PIN phase', async () => {
    const denials: ((wire: PlayedDial['wire']) => void)[] = [
      (wire) => wire.cut({ kind: 'ended', code: 4452, reason: 'Node rejected by application.' }),
      (wire) => wire.say(p.ABORTED),
    ];
    for (const phase of ['cmi', 'hello'] as const)
      for (const deny of denials) {
        const s = await HubStage.of([HIGH]);
        s.announce(HIGH);
        deny(through(s.nextDial().wire.open(), AS_SERVER, phase));
        s.clock.advance(60_000);
        expect([s.dials.length, s.hub.engine.peers.lastClosing(HIGH)?.code]).toEqual([1, 'trust-denied']);
        await s.end();
      }
  });

  test.each(['disconnects', 'shuts down', 'restarts its network'])(
    'SHIP denial: a hub that %s while its user decides is dialed again by the other one',
    async (what) => {
      const town = new Town();
      const stopped: string[] = [];
      const one = await town.hub('1', { trust: trusting('2') }, { dialingStopped: (ski) => stopped.push(ski[0]!) });
      const two = await town.hub('2');
      see(one, '2');
      const isPending = (): boolean => two.hub.getConnectionState(skiOf('1')) === API_STATES.receivedPairingRequest;
      town.clock.runUntil(isPending, { withinMs: 5000 });
      town.clock.advance(1000); // It has been said by then.
      if (what === 'restarts its network') town.network.cutBetween('1', '2');
      else void (what === 'disconnects' ? two.hub.disconnectSKI(skiOf('1')) : two.hub.shutdown());
      await Promise.resolve();
      const dials = town.network.counts.dials;
      town.clock.runUntil(() => town.network.counts.dials > dials, { withinMs: 20_000 });
      if (what !== 'shuts down') {
        town.clock.runUntil(isPending, { withinMs: 5000 });
        two.hub.registerRemoteService(skiOf('1'));
        town.clock.runUntil(() => one.hub.getConnectionState(skiOf('2')) === API_STATES.completed, { withinMs: 5000 });
      }
      expect(stopped).toEqual([]);
      const over = Promise.all([one.hub.shutdown(), two.hub.shutdown()]);
      await Promise.resolve();
      town.clock.advance(15_000);
      await over;
    },
  );
});

test('SHIP redial: one that came in and was lost by a broken message is dialed where discovery finds it later', async () => {
  const s = await HubStage.of([LOW]);
  through(s.dialIn(LOW)!, p.AS_CLIENT, 'access').cut({ kind: 'oversized' });
  s.clock.advance(60_000);
  expect(s.dials).toEqual([]); // Nobody has said where.
  s.announce(LOW);
  s.nextDial(3000);
  await s.end();
});
