import { Inbox } from '../dataplane/inbox.js';
import type { Farewell, Room, Step } from '../dataplane/plane.js';
import { SENDING_PHASES, type SendingPhase } from '../dataplane/sending-phases.js';
import { SessionError } from '../errors.js';
import { step } from '../phase-table.js';
import type { SessionPlane } from '../protocol.js';
import { Heartbeat } from './heartbeat.js';
import { HelloWait } from './hello-wait.js';
import type { ShipMessage, ShipPayload, OutgoingShipMessage } from './ship.messages.js';
import type { ShipPlaneInput, ShipSignal } from './ship.signals.js';

/** The cost of a queued message beyond its bytes. */
const MESSAGE_COST_BYTES = 64;

/** The first byte of a control message (13.4.2); later versions add messages of this type. */
const CONTROL_TYPE = 1;

interface Waiting {
  readonly bytes: Uint8Array;
  /** Written by the application; otherwise the last word. */
  readonly isData: boolean;
}

/** @rule SHIP-8 Whole messages over one wire. Messages other than data are signals: SHIP's handshake is the chart's, not the plane's. */
export class ShipPlane implements SessionPlane<ShipPayload, ShipSignal> {
  isFull = false;
  farewell: Farewell | undefined;
  readonly wait: HelloWait;
  readonly #heartbeat: Heartbeat;
  #arrived = new Inbox<Uint8Array>();
  #control: Uint8Array[] = [];
  #data: Waiting[] = [];
  #dataBytes = 0;
  #takesData = false;
  #givesData = false;
  #sending: SendingPhase = SENDING_PHASES.initial;
  #message: ShipPayload | undefined;
  #messageBytes = 0;
  #signals: ShipSignal[] = [];
  #accepted = 0;
  #handed = 0;
  #received = 0;
  #ignored = 0;

  constructor(readonly input: ShipPlaneInput) {
    this.#heartbeat = new Heartbeat(input.timing);
    this.wait = new HelloWait(input.timing);
  }

  // Commands of the chart.

  say(message: OutgoingShipMessage): void {
    this.input.trace?.('said', message);
    this.#control.push(this.input.codec.encode(message));
  }

  /** The PIN phase is over: the peer's data is the application's from here on. */
  takeData(): void {
    this.#takesData = true;
  }

  /** The PIN phase is over, and our request for the SHIP id is on its way: the application's data may leave. */
  giveData(): void {
    this.#givesData = true;
  }

  /** Said after everything that was written; nothing more can be. */
  sendLast(message: OutgoingShipMessage): void {
    this.#sending = step(SENDING_PHASES, this.#sending, 'drain');
    this.input.trace?.('said', message);
    this.#data.push({ bytes: this.input.codec.encode(message), isData: false });
  }

  /** With which words the wire is closed, once what was said has left. */
  bidFarewell(code: number, reason: string): void {
    this.farewell = { code, reason };
  }

  /** @rule SHIP-15 A control message that is repeated, late or unknown: tolerated, and counted in `stats`. */
  countIgnored(): void {
    this.#ignored++;
  }

  probe(now: number): void {
    this.#heartbeat.probeNow(now);
  }

  // The pump's side.

  attach(_link: number, now: number): void {
    this.#heartbeat.start(now);
  }

  detach(): void {
    this.#heartbeat.stop();
    this.#takesData = this.#givesData = false;
    this.#control.length = 0;
  }

  /** A transport with message boundaries gives whole messages. */
  handleBytes(_link: number, bytes: Uint8Array, lent: boolean): void {
    this.#arrived.push(lent ? new Uint8Array(bytes) : bytes, bytes.length);
  }

  handlePong(_link: number, now: number): void {
    this.#heartbeat.pong(now);
  }

  step(): Step {
    const bytes = this.#arrived.take();
    if (bytes === undefined) return 'idle';
    const message = this.input.codec.decode(bytes);
    this.input.trace?.('heard', message);
    if (message.kind === 'unknown')
      return this.#signal({ type: 'ship.unknown', reason: message.reason, isControl: bytes[0] === CONTROL_TYPE });
    if (message.kind !== 'data') return this.#signal(this.#signalOf(message));
    if (!this.#takesData) return this.#signal({ type: 'ship.data-early' });
    this.#received++;
    this.#message = message.payload;
    this.#messageBytes = bytes.length;
    return 'message';
  }

  handleTimeout(now: number): void {
    if (this.#heartbeat.handleTimeout(now) === 'dead') this.#signals.push({ type: 'wire.silent' });
  }
  nextTimeout(): number | undefined {
    return this.#heartbeat.nextTimeout();
  }

  write(payload: ShipPayload, _prompt?: boolean, encoded?: Uint8Array): Room {
    if (this.#sending !== 'taking') throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    const { codec, limits } = this.input;
    const bytes = encoded ?? codec.encode({ kind: 'data', payload });
    if (bytes.length > limits.messageBytesMax)
      throw new SessionError('too-large', `a message of ${bytes.length} bytes is above the limit of ${limits.messageBytesMax}`);
    if (!this.#hasRoomFor(bytes.length))
      throw new SessionError('queue-full', `${this.queuedBytes} of ${limits.sendBytesMax} bytes wait for the peer already`);
    this.input.trace?.('said', { kind: 'data', payload });
    this.#data.push({ bytes, isData: true });
    this.#dataBytes += bytes.length + MESSAGE_COST_BYTES;
    this.#accepted++;
    return this.#dataBytes >= limits.sendBytesHigh ? 'wait' : 'room';
  }

  pollTransmit(): Uint8Array | undefined {
    if (this.#control.length > 0) return this.#control.shift();
    const next = this.#data[0];
    if (next === undefined || !(this.#givesData || !next.isData)) return undefined;
    this.#data.shift();
    if (next.isData) {
      this.#dataBytes -= next.bytes.length + MESSAGE_COST_BYTES;
      this.#handed++;
    }
    return next.bytes;
  }

  pollProbe(): boolean {
    return this.#heartbeat.pollPing();
  }

  pollMessage(): ShipPayload | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message;
  }

  pollSignal(): ShipSignal | undefined {
    return this.#signals.shift();
  }

  hasRoom(): boolean {
    return this.#dataBytes <= this.input.limits.sendBytesHigh / 2;
  }

  // Called by the application's side.

  canTake(payloadBytes: number): boolean {
    const { messageBytesMax, sendBytesMax } = this.input.limits;
    return payloadBytes > Math.min(messageBytesMax, sendBytesMax - MESSAGE_COST_BYTES) || this.#hasRoomFor(payloadBytes);
  }
  get messageBytes(): number {
    return this.#messageBytes;
  }
  holdBack(bytes: number): void {
    const high = this.input.limits.receiveBytesHigh;
    this.isFull = this.isFull ? bytes > high / 2 : bytes >= high;
  }
  get accepted(): number {
    return this.#accepted;
  }
  get handed(): number {
    return this.#handed;
  }
  /** Handing over is all that SHIP can say. */
  get acknowledged(): number {
    return this.#handed;
  }
  get queuedBytes(): number {
    return this.#dataBytes;
  }
  get stats(): { received: number; ignored: number } {
    return { received: this.#received, ignored: this.#ignored };
  }

  #hasRoomFor(payloadBytes: number): boolean {
    return this.#dataBytes + payloadBytes + MESSAGE_COST_BYTES <= this.input.limits.sendBytesMax;
  }

  #signal(signal: ShipSignal): Step {
    this.#signals.push(signal);
    return 'signal';
  }

  /** The part of a message that the chart needs. It leaves out PINs, which inspectors must not see. */
  #signalOf(message: Exclude<ShipMessage, { kind: 'data' | 'unknown' }>): ShipSignal {
    if (message.kind === 'pin-input') return { type: 'ship.pin-input' };
    const { kind, ...rest } = message;
    const known = kind === 'access' ? { known: this.input.peers.shipIdOf(this.input.ski) } : {};
    return { type: `ship.${kind}`, ...rest, ...known } as ShipSignal;
  }
}
