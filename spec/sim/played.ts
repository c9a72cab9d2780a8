import { resume, resumeCodec, type ResumeOptions } from '../../adapters/resume/index.js';
import { Engine, type ConnectOptions } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import type { Acceptor, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import type { FaultCode, Hello, RefusalCode } from '../../machines/resume/resume.messages.js';
import { SimClock } from './clock.js';
import { playedTransport, storyOf } from './played-transport.js';
import { SeededRandom } from './random.js';

/** A frame as the played peer heard it. */
export interface Heard {
  readonly kind: string;
  readonly sequence?: number;
  readonly payload?: number[];
  readonly hello?: Hello;
  readonly number?: number;
}

/** One wire whose other end is the test: it says what it likes, and keeps what it heard. */
export class PlayedWire implements Wire {
  readonly remoteAddress = 'played:1';
  readonly lends = true;
  readonly heard: Heard[] = [];
  /** How this side ended it, if it did. */
  ended: 'closed' | 'destroyed' | undefined;
  isFull = false;
  #rest = new Uint8Array(0);
  #isCut = false;

  constructor(
    readonly handler: WireHandler,
    readonly clock: SimClock,
  ) {}

  open(): this {
    this.handler.onOpen(this);
    this.clock.settle();
    return this;
  }

  /** One chunk with these frames in it; the chunk is overwritten afterwards, as a reused read buffer would be. */
  say(...frames: Uint8Array[]): this {
    const chunk = new Uint8Array(Buffer.concat(frames));
    this.handler.onBytes(chunk);
    chunk.fill(0xee);
    this.clock.settle();
    return this;
  }

  /** The wire breaks, unless this side has ended it already. */
  cut(cause: WireCause = { kind: 'reset' }): void {
    if (this.ended === undefined && !this.#isCut) {
      this.#isCut = true;
      this.handler.onClose(cause);
    }
    this.clock.settle();
  }

  send(bytes: Uint8Array): boolean {
    this.#rest = new Uint8Array(Buffer.concat([this.#rest, bytes]));
    while (this.#rest.length >= 4) {
      const length = resumeCodec.frameBytes(this.#rest, 0);
      if (this.#rest.length < length) break;
      this.heard.push(decode(this.#rest.slice(0, length)));
      this.#rest = this.#rest.slice(length);
    }
    return !this.isFull;
  }
  cork(): void {}
  uncork(): void {}
  close(): void {
    this.#end('closed');
  }
  destroy(): void {
    this.#end('destroyed');
  }
  pause(): void {}
  resume(): void {}

  get kinds(): string[] {
    return this.heard.map((h) => h.kind);
  }
  last(kind: string): Heard {
    const found = this.heard.findLast((h) => h.kind === kind);
    if (found === undefined) throw new Error(`no ${kind} among ${this.kinds.join(', ')}`);
    return found;
  }

  #end(how: 'closed' | 'destroyed'): void {
    if (this.ended !== undefined) return;
    this.ended = how;
    if (this.#isCut) return; // That was its end already.
    this.clock.setTimeout(() => this.handler.onClose({ kind: 'aborted' }), 0);
  }
}

function decode(frame: Uint8Array): Heard {
  const kind = resumeCodec.kind(frame, 0);
  switch (kind) {
    case 'data':
    case 'data-prompt':
      return { kind, sequence: resumeCodec.sequence(frame, 0), payload: [...frame.slice(8)] };
    case 'ack':
      return { kind, number: resumeCodec.acked(frame, 0) };
    case 'hello':
    case 'welcome':
      return { kind, hello: resumeCodec.hello(frame, 0, frame.length)! };
    case 'goodbye':
      return { kind, ...resumeCodec.goodbye(frame, 0, frame.length) };
    case 'fault': {
      const { code, rule } = resumeCodec.fault(frame, 0, frame.length)!;
      return { kind: `fault ${code} ${rule}` };
    }
    case 'refused':
      return { kind: `refused ${resumeCodec.refused(frame, 0, frame.length)!.code}` };
    default:
      return { kind, ...(frame.length > 4 ? { number: resumeCodec.number(frame, 0, frame.length)! } : {}) };
  }
}

/** One engine under test on virtual time; the peer is played by the test, frame by frame. */
export class Played {
  readonly clock = new SimClock();
  readonly random = new SeededRandom(1);
  readonly engine: Engine;
  readonly events: EngineEvent[] = [];
  readonly got: number[][] = [];
  readonly dials: PlayedWire[] = [];
  /** Every connection that completed. */
  readonly connections: Connection<unknown>[] = [];
  #acceptor: Acceptor | undefined;
  #dials = 0;

  constructor(options: ResumeOptions = {}, limits = {}) {
    const { clock } = this;
    const transport = playedTransport(clock, 'stream', {
      dialed: (handler) => {
        const wire = new PlayedWire(handler, clock);
        this.dials.push(wire);
        return wire;
      },
      listening: (acceptor) => (this.#acceptor = acceptor),
    });
    this.engine = new Engine(
      { clock, random: this.random.next, entropy: this.random.bytes },
      { transports: [transport], protocols: [resume({ idleMs: 0, ...options })], listen: ['played://here'], limits },
    );
    this.engine.on((event) => {
      this.events.push(event);
      if (event.type !== 'connected') return;
      this.connections.push(event.connection);
      event.connection.onMessage = (message) => this.got.push([...(message as Uint8Array)]);
    });
    void this.engine.start();
    clock.settle();
  }

  /** Dials, and gives the first wire, not yet open. */
  dial(options: ConnectOptions = {}): PlayedWire {
    this.outcome = 'pending';
    this.engine.connect('played://there', options).then(
      () => (this.outcome = 'connected'),
      (error: Error) => (this.outcome = error.message),
    );
    this.clock.advance(0);
    return this.dials.at(-1)!;
  }
  outcome = '';

  /** Knocks at the engine's door, and gives the wire, open. */
  dialIn(host = '127.0.0.1'): PlayedWire {
    let wire!: PlayedWire;
    this.#dials++;
    this.#acceptor!.onOffer({
      remoteAddress: `${host}:${this.#dials}`,
      open: (handler) => {
        wire = new PlayedWire(handler, this.clock);
        return () => wire.destroy();
      },
      refuse: (refusal) => this.events.push({ type: 'refused', remoteAddress: 'offer', code: refusal.code }),
    });
    this.clock.settle();
    return wire.open();
  }

  get story(): string[] {
    return storyOf(this.events);
  }
}

const FILL = {
  versionMin: 1,
  versionMax: 1,
  windowMs: 60_000,
  messageBytesMax: 1 << 20,
  credit: 4 << 20,
  features: 0,
  epoch: 0,
  next: 1,
  first: 1,
};

export const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

export const say = {
  hello: (hello: Partial<Hello>): Uint8Array =>
    resumeCodec.putHello('hello', { ...FILL, resume: false, session: bytes(16, 7), token: bytes(32, 9), ...hello }),
  /** The acceptor's answer to a hello that was heard. */
  welcome: (to: Heard, hello: Partial<Hello> = {}): Uint8Array =>
    resumeCodec.putHello('welcome', {
      ...FILL,
      resume: to.hello!.resume,
      session: to.hello!.session,
      token: bytes(32, 1),
      epoch: to.hello!.epoch + 1,
      ...hello,
    }),
  data: (sequence: number, ...payload: number[]): Uint8Array => {
    const frame = new Uint8Array(8 + payload.length);
    resumeCodec.putData(frame, 0, sequence, Uint8Array.from(payload), false);
    return frame;
  },
  ack: (position: number): Uint8Array => resumeCodec.putAck(position),
  confirm: (epoch: number): Uint8Array => resumeCodec.putNumber('confirm', epoch),
  goodbye: (position: number, next: number): Uint8Array => resumeCodec.putGoodbye(position, next, 'closed'),
  goodbyeAck: (next: number): Uint8Array => resumeCodec.putNumber('goodbye-ack', next),
  credit: (limit: number): Uint8Array => resumeCodec.putNumber('credit', limit),
  fault: (code: FaultCode, rule: string): Uint8Array => resumeCodec.putFault({ code, rule }),
  refused: (code: RefusalCode): Uint8Array => resumeCodec.putRefused({ code, retryAfterMs: 0, versionMin: 1, versionMax: 1 }),
  ping: (nonce: number): Uint8Array => resumeCodec.putNumber('ping', nonce),
};
