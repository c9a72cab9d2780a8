import type { AnyEventObject } from 'xstate';
import { assert } from '../../../machines/errors.js';
import { ncpMachine, type NcpInput, type TunaPump } from '../../../machines/tuna/ncp.machine.js';
import type { Model, PlayedWorld, Sample } from '../model.js';
import type { PlayedTime } from '../played.js';
import { sessionOver } from './session.js';
import { tunaPump, type Role } from './tuna-parts.js';

/** An NCP session whose plane is real; what its peer says is played. */
class NcpWorld implements PlayedWorld {
  readonly input: NcpInput;
  readonly pump: TunaPump;
  readonly told: string[] = [];

  constructor(time: PlayedTime, role: Role) {
    this.pump = tunaPump(time, role, 1);
    this.input = { role, session: sessionOver(this.pump) };
  }

  hear({ type }: AnyEventObject): void {
    if (type.startsWith('ncp.')) this.told.push(type);
  }
  /** The second packet is here and the first is not. */
  leaveGap(): void {
    this.pump.plane.ncp.inbound.accept(1, new Uint8Array(10), 0, 10, 0);
  }
}

const closes =
  (isFirstWord: boolean): Sample<NcpWorld> =>
  ({ pump }) => ({ type: 'peer.closed', isFirstWord, hasGap: pump.plane.ncp.inbound.hasGap });

/** NCP from its handshake to its close, over whatever links there are. */
export const ncpModel: Model<NcpWorld> = {
  machine: ncpMachine,
  worlds: {
    'a dialer': (time) => new NcpWorld(time, 'dialer'),
    'an acceptor': (time) => new NcpWorld(time, 'acceptor'),
  },
  samples: {
    'the hello of the peer comes': { type: 'handshake.done' },
    'the peer closes': closes(false),
    'the peer knows no such session': closes(true),
    'the peer goes on with a session unknown here': { type: 'peer.unknown-session' },
    'a packet overtakes another': (world) => world.leaveGap(),
    'all is acknowledged': { type: 'log.drained' },
    'no link is left': { type: 'links.gone' },
    close: { type: 'close', now: false },
    'close now': { type: 'close', now: true },
  },
  facts: ({ pump }) => [pump.plane.ncp.inbound.hasGap],
  check: ({ told, pump }, snapshot) => {
    const { plane } = pump;
    assert(told.length <= 1, 'the end of the handshake is told once');
    assert(told.length === 1 || !plane.isOpen, 'nothing is handed over before it');
    assert(!snapshot.matches('established') || plane.isOpen, 'and everything after it');
    const isClosing = snapshot.matches('closingLocal') || snapshot.matches('lingering');
    assert(!isClosing || plane.isClosing, 'who goes takes no more');
    const { output } = snapshot as { output?: { closing?: { code: string } } };
    assert((snapshot.status === 'done') === (output?.closing !== undefined), 'every end is a closing');
    assert(output?.closing?.code !== 'internal', 'and none of an unknown kind');
  },
};
