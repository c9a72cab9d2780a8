import type { AnyEventObject } from 'xstate';
import { closing } from '../../../machines/closing.js';
import { assert } from '../../../machines/errors.js';
import type { Opener } from '../../../machines/ports.js';
import type { TunaPump } from '../../../machines/tuna/ncp.machine.js';
import { tunaSessionMachine } from '../../../machines/tuna/tuna.machine.js';
import type { TunaContext, TunaInput } from '../../../machines/tuna/tuna.setup.js';
import type { Model, Sample } from '../model.js';
import type { PlayedTime } from '../played.js';
import { checkSession, sessionOver, SessionWorld } from './session.js';
import { tunaPump, type Role } from './tuna-parts.js';

const LINKS = 3;

/** A session over real link and NCP actors that nobody else talks to: what happens to their wires, the test says in their place. */
class TunaSessionWorld extends SessionWorld {
  readonly input: TunaInput;
  readonly pump: TunaPump;

  constructor(
    readonly time: PlayedTime,
    role: Role,
    isSuccessor = false,
  ) {
    super();
    this.pump = tunaPump(time, role, LINKS, { isSuccessor });
    const opener: Opener = (handler) => () => time.clock.setTimeout(() => handler.onClose({ kind: 'aborted' }), 0) as never;
    this.input = { role, session: sessionOver(this.pump, opener) };
  }

  phase(slot: number): string {
    return this.pump.plane.conns.phaseOf(slot);
  }
}

const opens =
  (slot: number): Sample<TunaSessionWorld> =>
  (world) =>
    world.phase(slot) === 'none' ? { type: 'link.opened', slot, address: undefined } : undefined;
const joins =
  (slot: number): Sample<TunaSessionWorld> =>
  (world) =>
    world.phase(slot) === 'opening' ? { type: 'link.joined', slot } : undefined;
const ends =
  (slot: number): Sample<TunaSessionWorld> =>
  (world): AnyEventObject => {
    const wasJoined = world.phase(slot) === 'joined';
    return { type: 'link.ended', slot, wasOpened: world.phase(slot) !== 'none', wasJoined, cause: { kind: 'reset' }, at: 0 };
  };

/** A Tuna session in both roles: how many of its links carry packets, and what follows. */
export const tunaSessionModel: Model<TunaSessionWorld> = {
  machine: tunaSessionMachine,
  worlds: {
    'a dialer': (time) => new TunaSessionWorld(time, 'dialer'),
    'a successor': (time) => new TunaSessionWorld(time, 'dialer', true),
    'an acceptor': (time) => new TunaSessionWorld(time, 'acceptor'),
  },
  samples: {
    'link 0 opens': opens(0),
    'link 0 joins': joins(0),
    'link 0 ends': ends(0),
    'link 1 opens': opens(1),
    'link 1 joins': joins(1),
    'link 1 ends': ends(1),
    'link 2 opens': opens(2),
    'link 2 joins': joins(2),
    'link 2 ends': ends(2),
    'a newcomer for link 0 opens': opens(LINKS),
    'the newcomer joins': joins(LINKS),
    'the hello of the peer comes': { type: 'handshake.done', peerLinks: LINKS },
    'the peer closes': { type: 'peer.closed', isFirstWord: false, hasGap: false },
    'the peer goes on with a session unknown here': { type: 'peer.unknown-session' },
    'the peer says it has no such session': { type: 'session.unknown' },
    'all is acknowledged': { type: 'log.drained' },
    'a link is heard': { type: 'link.proven', link: 0 },
    'a link is silent': { type: 'link.silent', link: 0 },
    'a link talks nonsense': { type: 'link.corrupt', link: 0, code: 'malformed' },
    'the peer breaks a rule too often': { type: 'peer.violated', fault: { code: 'malformed', rule: 'NCP-14' } },
    'the peer ends it, and says why': { type: 'peer.accused', fault: { code: 'oversized', rule: 'NCP-14' } },
    'the peer ends a link, and says why': { type: 'link.accused', link: 0, fault: { code: 'violated', rule: 'NCP-10' } },
    'link 1 has no address': { type: 'address.none', slot: 1, cause: { kind: 'resolve-failed' } },
    'link 2 has no address': (_, snapshot) =>
      snapshot.matches({ alive: { strength: 'gathering' } })
        ? { type: 'address.none', slot: 2, cause: { kind: 'resolve-failed' } }
        : undefined,
    'the listener has a wire': { type: 'wire.offered', opener: () => () => {}, opening: { link: 1 } },
    'a wire is kept in reserve': (world) =>
      world.phase(LINKS + 1) === 'none' ? { type: 'reserve.entered', slot: LINKS + 1 } : undefined,
    'the peer uses the one in reserve': { type: 'link.wanted', link: LINKS + 1 },
    'link 1 is sent away without a word': (world, snapshot) => {
      const { doubts } = (snapshot.context as TunaContext).conns;
      if (world.phase(1) !== 'opening' || !snapshot.matches({ alive: { strength: 'lost' } })) return undefined;
      const at = doubts.lastMs + 10_000;
      return { type: 'link.ended', slot: 1, wasOpened: true, wasJoined: false, cause: { kind: 'ended' }, at };
    },
    probe: { type: 'probe' },
    close: { type: 'close', now: false, reason: 'closed' },
    'close now': { type: 'close', now: true, reason: 'closed' },
    abort: { type: 'abort', closing: closing('shutdown', 'local') },
  },
  facts: ({ pump }, snapshot) => {
    if (snapshot.status !== 'active') return [];
    const { conns, connsOf } = pump.plane;
    const { doubts, failed } = connsOf();
    const isGathering = snapshot.matches({ alive: { strength: 'gathering' } });
    return [
      conns.connCount,
      conns.phases.filter((phase) => phase === 'opening').length,
      isGathering && failed,
      isGathering && conns.everOpened,
      isGathering && doubts.wordless > 2,
      snapshot.matches({ alive: { strength: 'lost' } }) && Math.min(doubts.rejections, 3),
      conns.hasForeign,
    ];
  },
  check: (world, snapshot) => {
    checkSession(world, snapshot);
    if (snapshot.status !== 'active') return;
    const { connCount } = world.pump.plane.conns;
    const counts: readonly [string, boolean][] = [
      ['open', connCount >= LINKS], // One more until the wire that was replaced has ended.
      ['degraded', connCount > 1 && connCount < LINKS],
      ['alone', connCount === 1],
      ['lost', connCount === 0],
    ];
    for (const [state, isSo] of counts)
      assert(!snapshot.matches({ alive: { strength: state } }) || isSo, `${state} with ${connCount} of ${LINKS} links`);
  },
};
