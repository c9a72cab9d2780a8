import { makeShipCodec } from '../../../adapters/ship/codec.js';
import { closing } from '../../../machines/closing.js';
import type { Opener, WireHandler } from '../../../machines/ports.js';
import { shipMachine } from '../../../machines/ship/ship.machine.js';
import type { ShipPayload, OutgoingShipMessage } from '../../../machines/ship/ship.messages.js';
import { ShipPlane } from '../../../machines/ship/ship.plane.js';
import type { ShipContext, ShipInput } from '../../../machines/ship/ship.setup.js';
import type { ShipSignal } from '../../../machines/ship/ship.signals.js';
import { SHIP_LIMITS, SHIP_TIMING } from '../../../machines/ship/ship.timing.js';
import * as ship from '../../ship/played.js';
import type { Model, Sample } from '../model.js';
import type { PlayedTime } from '../played.js';
import { checkSession, pumpOver, sessionOver, SessionWorld } from './session.js';

interface About {
  readonly role: 'dialer' | 'acceptor';
  readonly isTrusted?: boolean;
  /** The SHIP id that the peer had before. */
  readonly knownId?: string;
}

/** A real plane and pump under the chart; the peer is played, message by message. */
class ShipWorld extends SessionWorld {
  readonly input: ShipInput;
  readonly pump: ReturnType<typeof pumpOver<ShipPayload, ShipSignal, ShipPlane>>;
  readonly peers = new ship.PlayedPeers();
  wire: ship.PlayedShipWire | undefined;
  #handler: WireHandler | undefined;

  constructor(
    readonly time: PlayedTime,
    { role, isTrusted = false, knownId }: About,
  ) {
    super();
    if (isTrusted) this.peers.trusted.add(ship.HIGH);
    if (knownId !== undefined) this.peers.shipIds.set(ship.HIGH, knownId);
    const about = { role, timing: SHIP_TIMING, limits: SHIP_LIMITS, peers: this.peers, shipId: 'self-id', ski: ship.HIGH };
    this.pump = pumpOver(new ShipPlane({ ...about, codec: makeShipCodec() }), time);
    const opener: Opener = (handler) => {
      this.#handler = handler;
      return () => this.end();
    };
    this.input = { role, session: sessionOver(this.pump, opener) };
  }

  open(ski: string): void {
    if (this.wire !== undefined || this.#handler === undefined) return;
    this.wire = new ship.PlayedShipWire(this.#handler, this.time.clock, { fingerprint: 'f'.repeat(64), ski }).open();
  }
  say(message: OutgoingShipMessage | Uint8Array): void {
    if (this.wire !== undefined && this.wire.ended === undefined) this.wire.say(message);
  }
  end(): void {
    if (this.wire !== undefined) return this.wire.cut({ kind: 'ended' });
    this.#handler?.onClose({ kind: 'refused' });
    this.#handler = undefined;
  }
}

const says =
  (message: OutgoingShipMessage | Uint8Array): Sample<ShipWorld> =>
  (world) =>
    world.say(message);
const V2 = { version: { major: 2, minor: 0 }, formats: ['JSON-UTF16'] };

/** One SHIP connection in both roles, with a peer that keeps to the standard and one that doesn't. */
export const shipModel: Model<ShipWorld> = {
  machine: shipMachine,
  worlds: {
    'a client': (time) => new ShipWorld(time, { role: 'dialer', isTrusted: true }),
    'a server that trusts': (time) => new ShipWorld(time, { role: 'acceptor', isTrusted: true }),
    'a server that is asked': (time) => new ShipWorld(time, { role: 'acceptor' }),
    'a client that knows the peer by another id': (time) =>
      new ShipWorld(time, { role: 'dialer', isTrusted: true, knownId: 'other-id' }),
  },
  samples: {
    'the wire opens': (world) => world.open(ship.HIGH),
    'another peer opens the wire': (world) => world.open(ship.LOW),
    'the wire ends': (world) => world.end(),
    'the wire is silent': { type: 'wire.silent' },
    'peer: init': says(ship.INIT),
    'peer: ready': says(ship.READY),
    'peer: pending': says(ship.PENDING),
    'peer: ready, not for long': says({ kind: 'hello', phase: 'ready', waitingMs: 20_000 }),
    'peer: more time': says(ship.MORE),
    'peer: pending, for how long unsaid': says({ kind: 'hello', phase: 'pending' }),
    'peer: aborted': says(ship.ABORTED),
    'peer: announces 1.0': says(ship.ANNOUNCE),
    'peer: announces UTF-16 only': says({ kind: 'protocol', handshakeType: 'announceMax', ...V2 }),
    'peer: selects 1.0': says(ship.SELECT),
    'peer: selects 2.0': says({ kind: 'protocol', handshakeType: 'select', ...V2 }),
    'peer: protocol error': says({ kind: 'protocol-error', error: 2 }),
    'peer: protocol error, heard too late': says({ kind: 'protocol-error', error: 1 }),
    'peer: no PIN': says(ship.NO_PIN),
    'peer: PIN required': says({ kind: 'pin', pinState: 'required' }),
    'peer: who are you': says(ship.WHO),
    'peer: its id': says(ship.ID),
    'peer: another id': says({ kind: 'access', id: 'third-id' }),
    'peer: closes': says(ship.CLOSE),
    'peer: confirms a close': says(ship.CONFIRM),
    'peer: what no version knows': says(new TextEncoder().encode('\x01{"somethingElse":[]}')),
    'peer: nonsense': says(Uint8Array.of(1, 0x7b)),
    'no user trusts it, and none will decide': ({ peers }) => {
      peers.trusted.clear();
      peers.mayWaitFor = false;
    },
    accept: { type: 'accept' },
    deny: { type: 'deny' },
    close: { type: 'close', now: false, reason: 'closed' },
    'close now': { type: 'close', now: true, reason: 'closed' },
    abort: { type: 'abort', closing: closing('shutdown', 'local') },
    drain: { type: 'drain', afterMs: 0 },
    probe: { type: 'probe' },
  },
  facts: ({ wire, peers }, { context }) => {
    const { isDenied, peerPhase, patienceMs } = context as ShipContext;
    return [wire === undefined, wire?.ended, peers.mayWaitFor, peers.shipIds.size, isDenied, peerPhase, patienceMs > 0];
  },
  check: checkSession,
};
