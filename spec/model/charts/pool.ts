import { bareCodec, poolCodec } from '../../../adapters/pool/codec.js';
import { closing } from '../../../machines/closing.js';
import { poolMachine } from '../../../machines/pool/pool.machine.js';
import { PoolPlane } from '../../../machines/pool/pool.plane.js';
import type { PoolInput } from '../../../machines/pool/pool.setup.js';
import type { PoolPlaneInput, PoolSignal } from '../../../machines/pool/pool.signals.js';
import { POOL_LIMITS } from '../../../machines/pool/pool.timing.js';
import type { Opener, WireHandler } from '../../../machines/ports.js';
import { PlayedWire } from '../../sim/played.js';
import type { Model } from '../model.js';
import type { PlayedTime } from '../played.js';
import { checkSession, pumpOver, sessionOver, SessionWorld } from './session.js';

const [US, THEM, OTHERS] = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)];
const HELLO = { isInquiry: false };

/** A real plane and pump under the chart; the other end of the wire is played, byte by byte. */
class PoolWorld extends SessionWorld {
  readonly input: PoolInput;
  readonly pump: ReturnType<typeof pumpOver<Uint8Array, PoolSignal, PoolPlane>>;
  wire: PoolWire | undefined;
  #handler: WireHandler | undefined;

  constructor(
    readonly time: PlayedTime,
    seed: Pick<PoolPlaneInput, 'role' | 'isBare'>,
  ) {
    super();
    const codec = seed.isBare ? bareCodec : poolCodec;
    const plane = new PoolPlane({ ...seed, codec, limits: POOL_LIMITS, localId: US, peer: THEM, isProven: false });
    this.pump = pumpOver(plane, time);
    const opener: Opener = (handler) => {
      this.#handler = handler;
      return () => this.end();
    };
    this.input = { role: seed.role, session: sessionOver(this.pump, opener) };
  }

  open(): void {
    if (this.wire === undefined && this.#handler !== undefined) this.wire = new PoolWire(this.#handler, this.time.clock).open();
  }
  say(bytes: Uint8Array): void {
    if (this.wire?.ended === undefined) this.wire?.say(bytes);
  }
  /** Undefined: it never opened. */
  end(): void {
    if (this.wire !== undefined) return this.wire.cut({ kind: 'ended' });
    this.#handler?.onClose({ kind: 'refused' });
    this.#handler = undefined;
  }
  sendHello(id: string, version = 1): void {
    const hello = { ...HELLO, id, versionMin: version, versionMax: version };
    this.say(poolCodec.putHello(this.input.role === 'dialer' ? 'welcome' : 'hello', hello));
  }
  /** Two messages, for the first one still finds room. */
  write(): void {
    if (this.wire === undefined || this.wire.isFull) return;
    this.wire.isFull = true;
    for (let i = 0; i < 2; i++) {
      this.pump.write(Uint8Array.of(i));
      this.pump.flush();
    }
  }
  makeRoom(): void {
    if (this.wire?.isFull !== true) return;
    this.wire.isFull = false;
    this.wire.handler.onDrain();
  }
}

/** Nobody listens at the other end: this chart's frames are none of those that `PlayedWire` reads. */
class PoolWire extends PlayedWire {
  override send(): boolean {
    return !this.isFull;
  }
}

const refused = (code: 'busy' | 'crossed', id?: string) => poolCodec.putRefused({ code, retryAfterMs: 0, id });

/** One pooled connection, in both roles and with bare frames. */
export const poolModel: Model<PoolWorld> = {
  machine: poolMachine,
  worlds: {
    'a dialer': (time) => new PoolWorld(time, { role: 'dialer', isBare: false }),
    'an acceptor': (time) => new PoolWorld(time, { role: 'acceptor', isBare: false }),
    'a dialer with bare frames': (time) => new PoolWorld(time, { role: 'dialer', isBare: true }),
  },
  samples: {
    'the wire opens': (world) => world.open(),
    'the wire ends': (world) => world.end(),
    'the wire is silent': { type: 'wire.silent' },
    'the hello of the peer comes': (world) => world.sendHello(THEM),
    'another peer says hello': (world) => world.sendHello(OTHERS),
    'a peer of a later version says hello': (world) => world.sendHello(THEM, 9),
    'the peer is busy': (world) => world.say(refused('busy')),
    'the peer has dialed too': (world) => world.say(refused('crossed', THEM)),
    'another peer has dialed too': (world) => world.say(refused('crossed', OTHERS)),
    'the peer says goodbye': (world) => world.say(poolCodec.putGoodbye({ code: 'closed', afterMs: 0 })),
    'the peer finds a fault with us': (world) => world.say(poolCodec.putFault({ code: 'violated', rule: 'POOL-5' })),
    'the peer talks nonsense': (world) => world.say(Uint8Array.of(0xff, 0xff, 0xff, 0xff)),
    'messages wait for the wire': (world, snapshot) => (snapshot.hasTag('accepts-data') ? world.write() : undefined),
    'the wire has room again': (world) => world.makeRoom(),
    'both sides have been silent for long': { type: 'idle.expired' },
    close: { type: 'close', now: false, reason: 'closed' },
    'close now': { type: 'close', now: true, reason: 'shutdown' },
    abort: { type: 'abort', closing: closing('shutdown', 'local') },
    'abort for another': { type: 'abort', closing: closing('replaced', 'local') },
    drain: { type: 'drain', afterMs: 0 },
    probe: { type: 'probe' },
  },
  facts: ({ wire }) => [wire?.isFull, wire?.ended],
  check: checkSession,
};
