import { resumeCodec } from '../../../adapters/resume/codec.js';
import { closing } from '../../../machines/closing.js';
import type { PumpOver } from '../../../machines/session-handle.js';
import { SlabPool } from '../../../machines/dataplane/send-log.js';
import type { DialPermits, DialPermitRequest } from '../../../machines/dial-permits.js';
import type { Opener, WireHandler } from '../../../machines/ports.js';
import { resumeMachine } from '../../../machines/resume/resume.machine.js';
import type { RefusalCode } from '../../../machines/resume/resume.messages.js';
import { ResumePlane } from '../../../machines/resume/resume.plane.js';
import type { ResumeSignal } from '../../../machines/resume/resume.signals.js';
import type { ResumeContext, ResumeInput } from '../../../machines/resume/resume.setup.js';
import { RESUME_LIMITS } from '../../../machines/resume/resume.timing.js';
import { bytes, PlayedWire, say } from '../../sim/played.js';
import { SeededRandom } from '../../sim/random.js';
import type { Model, Sample } from '../model.js';
import type { PlayedTime } from '../played.js';
import { checkSession, pumpOver, sessionOver, SessionWorld } from './session.js';

/** A real plane and pump under the chart; the peer is played, frame by frame, and so is the hub that lets it dial. */
class ResumeWorld extends SessionWorld {
  readonly input: ResumeInput;
  readonly pump: PumpOver<ResumePlane, Uint8Array, ResumeSignal>;
  wire: PlayedWire | undefined;
  written = 0;
  #handler: WireHandler | undefined;
  #request: DialPermitRequest | undefined;
  #token = bytes(32, 9);
  #epoch = 0;
  #isKnown = false; // To the peer, as a session that can be resumed.

  constructor(
    readonly time: PlayedTime,
    readonly role: 'dialer' | 'acceptor',
  ) {
    super();
    const about = { role, codec: resumeCodec, session: bytes(16, 7), limits: { ...RESUME_LIMITS, idleMs: 0 } };
    const birthToken = role === 'acceptor' ? this.#token : undefined;
    const plane = new ResumePlane({ ...about, birthToken, entropy: new SeededRandom(1).bytes, pool: new SlabPool() });
    const permits: DialPermits = (request) => {
      this.#request = request;
      return () => (this.#request = undefined);
    };
    this.pump = pumpOver(plane, time);
    this.input = { role, session: sessionOver(this.pump, this.opener, permits) };
  }

  /** Makes the wire that a later sample opens. */
  readonly opener: Opener = (handler) => {
    this.wire = undefined;
    this.#handler = handler;
    return () => this.cut();
  };
  open(): void {
    if (this.wire === undefined && this.#handler !== undefined) this.wire = new PlayedWire(this.#handler, this.time.clock).open();
  }
  cut(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    if (this.wire !== undefined) this.wire.cut();
    else handler?.onClose({ kind: 'refused' });
  }
  grant(): void {
    this.#request?.permitted(this.opener);
  }
  say(...frames: Uint8Array[]): void {
    if (this.wire !== undefined && this.wire.ended === undefined && this.#handler !== undefined) this.wire.say(...frames);
  }

  /** The dialer's hello and confirmation, or the acceptor's welcome. */
  sendHello(): void {
    if (this.wire === undefined) return;
    if (this.role === 'dialer') {
      if (this.wire.kinds.includes('hello')) this.say(say.welcome(this.wire.last('hello')));
      return;
    }
    this.say(say.hello({ resume: this.#isKnown, token: this.#token, epoch: this.#epoch }));
    if (!this.wire.kinds.includes('welcome')) return;
    const { token, epoch } = this.wire.last('welcome').hello!;
    [this.#token, this.#epoch, this.#isKnown] = [token, epoch, true];
  }
  confirm(): void {
    if (this.role === 'acceptor') this.say(say.confirm(this.#epoch));
  }
  refuse(code: RefusalCode): void {
    this.say(resumeCodec.putRefused({ code, retryAfterMs: 0, versionMin: 1, versionMax: 1 }));
  }
  write(): void {
    if (this.written > 0) return;
    this.pump.write(Uint8Array.of(1));
    this.pump.flush();
    this.written++;
  }
}

const says =
  (...frames: Uint8Array[]): Sample<ResumeWorld> =>
  (world) =>
    world.say(...frames);

/** One session that outlives its wires, in both roles. */
export const resumeModel: Model<ResumeWorld> = {
  machine: resumeMachine,
  worlds: {
    'a dialer': (time) => new ResumeWorld(time, 'dialer'),
    'an acceptor': (time) => new ResumeWorld(time, 'acceptor'),
  },
  samples: {
    'the wire opens': (world) => world.open(),
    'the hello of the peer comes': (world) => world.sendHello(),
    'the peer confirms': (world) => world.confirm(),
    'the wire breaks': (world) => world.cut(),
    'the hub grants a dial': (world) => world.grant(),
    'the peer comes with a new wire': (world) => ({ type: 'wire.offered', opener: world.opener }),
    'the wire is silent': { type: 'wire.silent' },
    'the peer talks nonsense': says(Uint8Array.of(0x7f, 0, 0, 0)),
    'the peer leaves a gap': says(say.data(5, 1)),
    'the peer finds a fault with us': says(say.fault('violated', 'RES-8')),
    'the peer is busy': (world) => world.refuse('busy'),
    'the peer had ended it': (world) => world.refuse('ended'),
    'a message is written': (world, snapshot) => (snapshot.hasTag('accepts-data') ? world.write() : undefined),
    'the peer has it': (world) => world.say(say.ack(1 + world.written)),
    'the peer says goodbye': says(say.goodbye(1, 1)),
    'the peer hears our goodbye': (world) => world.say(say.goodbyeAck(1 + world.written)),
    'the peer asks us to go': says(resumeCodec.putNumber('drain', 1000)),
    close: { type: 'close', now: false, reason: 'closed' },
    'close now': { type: 'close', now: true, reason: 'closed' },
    abort: { type: 'abort', closing: closing('shutdown', 'local') },
    probe: { type: 'probe' },
    drain: { type: 'drain', afterMs: 1000 },
  },
  facts: ({ wire, written }, { context }) => {
    const { strikes, everOpened } = context as ResumeContext;
    return [wire === undefined, wire?.ended, written, strikes, everOpened];
  },
  check: checkSession,
};
