import { createMachine, sendParent } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { closing } from '../../machines/closing.js';
import { REDIAL } from '../../machines/backoff.js';
import type { Engine } from '../../machines/engine.js';
import type { Protocol } from '../../machines/protocol.js';
import { HubStage } from '../ship/hub-stage.js';
import * as p from '../ship/played.js';
import { AS_SERVER, HIGH, through } from '../ship/played.js';
import { Town } from './town.js';

const PEER = 'sim://b:1';
/** Lower ends of SHIP's bands by denial; the first one is forgiven, since it may be a mistake. */
const BANDS = [
  [0, 3000],
  [0, 3000],
  [3000, 10_000],
  [10_000, 20_000],
  [10_000, 20_000],
] as const;

/** A protocol whose peer denies trust as long as `denies` is true. */
function denying(peer: { denies: boolean }, side: 'local' | 'remote' = 'remote'): Protocol {
  const machine = createMachine({
    initial: 'begun',
    entry: sendParent({ type: 'handshake.started' }),
    states: {
      begun: {
        always: [
          { guard: () => peer.denies, target: 'over' },
          { actions: [sendParent({ type: 'trust.established' }), sendParent({ type: 'handshake.completed' })], target: 'there' },
        ],
      },
      there: { on: { deny: 'over', close: 'over', abort: 'over' } },
      over: { type: 'final' },
    },
    output: () => ({ closing: closing('trust-denied', side) }),
  });
  return { ...resume({ redial: REDIAL.ship }), machine } as unknown as Protocol;
}

const ways: Readonly<Record<string, (engine: Engine) => void>> = {
  'registered again': ({ peers }) => peers.register(PEER),
  'unregistered and registered again': ({ peers }) => {
    peers.unregister(PEER);
    peers.register(PEER);
  },
};

describe('[DIAL-5] hub/denials: denials of trust lengthen the first wait of a peer that is registered again and again', () => {
  test.each(Object.keys(ways))('%s', async (way) => {
    const town = new Town(1);
    town.server('b');
    const peer = { denies: true };
    const client = town.engine('a', { protocols: [denying(peer)] });
    const waits: number[] = [];
    for (const _ of BANDS) {
      ways[way]!(client);
      await town.pass(1, 1);
      waits.push(client.peers.state(PEER).nextDelayMs ?? 0);
      await town.pass(60_000);
      expect(client.peers.state(PEER).state).toBe('none'); // It stops by itself.
    }
    expect(waits.map((wait, i) => wait >= BANDS[i]![0] - 1 && wait < BANDS[i]![1])).toEqual(BANDS.map(() => true));
    peer.denies = false;
    ways[way]!(client);
    await town.pass(30_000);
    expect(client.peers.state(PEER).state).toBe('completed');
    await client.peers.disconnect(PEER); // Its user takes the trust back.
    ways[way]!(client);
    await town.pass(1, 1);
    expect(client.peers.state(PEER).nextDelayMs ?? 0).toBeLessThan(3000);
  });

  test('a denial by this side counts for nothing', async () => {
    const town = new Town(2);
    town.server('b');
    const client = town.engine('a', { protocols: [denying({ denies: true }, 'local')] });
    for (let i = 0; i < 4; i++) {
      client.peers.register(PEER);
      await town.pass(1, 1);
      expect(client.peers.state(PEER).nextDelayMs ?? 0).toBeLessThan(3000);
      await town.pass(10_000);
    }
  });

  test('SHIP, with a real hub', async () => {
    const s = await HubStage.of([HIGH]);
    s.announce(HIGH);
    for (const [i, [fromMs, toMs]] of BANDS.entries()) {
      if (i > 0) s.hub.registerRemoteService(HIGH);
      s.clock.settle();
      const waitMs = s.hub.getNextDelay(HIGH) ?? 0;
      expect({ i, waitMs, isInBand: waitMs >= fromMs && waitMs < toMs }).toEqual({ i, waitMs, isInBand: true });
      s.nextDial().wire.open().say(p.INIT, p.ABORTED);
      s.clock.advance(1000);
      expect(s.dials).toHaveLength(i + 1);
    }
    s.hub.registerRemoteService(HIGH);
    through(s.nextDial().wire.open(), AS_SERVER, 'access').cut();
    s.clock.settle();
    expect(s.hub.getNextDelay(HIGH)).toBeLessThan(3000);
    await s.end();
  });
});
