import type { AnyEventObject } from 'xstate';
import { assert } from '../../../machines/errors.js';
import { ncpMachine, type NcpInput } from '../../../machines/tuna/ncp.machine.js';
import type { Model, PlayedWorld } from '../model.js';
import type { PlayedTime } from '../played.js';
import { limitsOf, tunaPump, type Role } from './tuna-parts.js';

/** An NCP session whose plane is real; what its peer says is played. */
class NcpWorld implements PlayedWorld {
  readonly input: NcpInput;
  readonly told: string[] = [];

  constructor(time: PlayedTime, role: Role) {
    this.input = { role, pump: tunaPump(time, role, 1), clock: time.clock, limits: limitsOf(1) };
  }

  hear({ type }: AnyEventObject): void {
    if (type.startsWith('ncp.')) this.told.push(type);
  }
  /** The second packet is here and the first is not. */
  leaveGap(): void {
    this.input.pump.plane.ncp.inbound.accept(1, new Uint8Array(10), 0, 10, 0);
  }
}

/** NCP from its handshake to its close, over whatever links there are. */
export const ncpModel: Model<NcpWorld> = {
  machine: ncpMachine,
  worlds: {
    'a dialer': (time) => new NcpWorld(time, 'dialer'),
    'an acceptor': (time) => new NcpWorld(time, 'acceptor'),
  },
  samples: {
    'the peer greets': { type: 'peer.greeted' },
    'the peer closes': { type: 'peer.closed', isFirstWord: false },
    'the peer knows no such session': { type: 'peer.closed', isFirstWord: true },
    'the peer goes on with a session unknown here': { type: 'peer.strayed' },
    'a packet overtakes another': (world) => world.leaveGap(),
    'all is acknowledged': { type: 'log.drained' },
    'no link is left': { type: 'links.gone' },
    close: { type: 'close', now: false },
    'close now': { type: 'close', now: true },
  },
  facts: ({ input: { pump } }) => [pump.plane.hasGap],
  check: ({ told, input: { pump } }, snapshot) => {
    const { plane } = pump;
    assert(told.length <= 1, 'the end of the handshake is told once');
    assert(told.length === 1 || !plane.isOpen, 'nothing is handed over before it');
    assert(!snapshot.matches('established') || plane.isOpen, 'and everything after it');
    const isParting = snapshot.matches('parting') || snapshot.matches('lingering');
    assert(!isParting || plane.isParting, 'who goes takes no more');
    const { output } = snapshot as { output?: { closing?: { code: string } } };
    assert((snapshot.status === 'done') === (output?.closing !== undefined), 'every end is a closing');
    assert(output?.closing?.code !== 'internal', 'and none of an unknown kind');
  },
};
