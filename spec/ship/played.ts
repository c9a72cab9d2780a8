import { makeShipCodec, ship, type ShipOptions } from '../../adapters/ship/index.js';
import type { Closing } from '../../machines/closing.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import type { Acceptor, DialOptions, Identity, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import type { ShipMessage, ShipPayload, OutgoingShipMessage } from '../../machines/ship/ship.messages.js';
import type { ShipPeers } from '../../machines/ship/ship.signals.js';
import { SimClock } from '../sim/clock.js';
import { playedTransport, storyOf } from '../sim/played-transport.js';
import { SeededRandom } from '../sim/random.js';

const shipCodec = makeShipCodec();

export const LOW = '0'.repeat(40);
export const SELF = '5'.repeat(40);
export const HIGH = 'a'.repeat(40);

/** One wire of a SHIP node under test, whose other end is the test: it says what it likes, and keeps what it heard. */
export class PlayedShipWire implements Wire {
  readonly remoteAddress = 'played:1';
  readonly lends = false;
  readonly heard: ShipMessage[] = [];
  pings = 0;
  answersPings = true;
  isFull = false;
  isPaused = false;
  /** How the node ended it, if it did: the close code, or destroyed. */
  ended: number | 'destroyed' | undefined;

  constructor(
    readonly handler: WireHandler,
    readonly clock: SimClock,
    readonly identity: Identity | undefined,
  ) {}

  open(): this {
    this.handler.onOpen(this);
    this.clock.settle();
    return this;
  }
  say(...messages: (OutgoingShipMessage | Uint8Array)[]): this {
    for (const message of messages) this.handler.onBytes(message instanceof Uint8Array ? message : shipCodec.encode(message));
    this.clock.settle();
    return this;
  }
  cut(cause: WireCause = { kind: 'reset', code: 1006 }): void {
    if (this.ended === undefined) {
      this.ended = 'destroyed';
      this.handler.onClose(cause);
    }
    this.clock.settle();
  }

  send(bytes: Uint8Array): boolean {
    this.heard.push(shipCodec.decode(bytes));
    return !this.isFull;
  }
  cork(): void {}
  uncork(): void {}
  probe(): void {
    this.pings++;
    if (this.answersPings) this.clock.setTimeout(() => this.handler.onProbeAnswer(), 1);
  }
  close(code = 1005): void {
    this.#end(code);
  }
  destroy(): void {
    this.#end('destroyed');
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }

  get kinds(): string[] {
    return this.heard.map((each) => (each.kind === 'hello' || each.kind === 'close' ? `${each.kind} ${each.phase}` : each.kind));
  }
  last<Kind extends ShipMessage['kind']>(kind: Kind): Extract<ShipMessage, { kind: Kind }> {
    const found = this.heard.findLast((each) => each.kind === kind);
    if (found === undefined) throw new Error(`no ${kind} among ${this.kinds.join(', ')}`);
    return found as Extract<ShipMessage, { kind: Kind }>;
  }

  #end(how: number | 'destroyed'): void {
    if (this.ended !== undefined) return;
    this.ended = how;
    this.clock.setTimeout(() => this.handler.onClose({ kind: 'aborted' }), 0);
  }
}

/** The wire to the peer at `played://<SKI>`, whose certificate is right. */
export function dialedWire(handler: WireHandler, clock: SimClock, address: string): PlayedShipWire {
  return new PlayedShipWire(handler, clock, { fingerprint: 'f'.repeat(64), ski: address.slice('played://'.length) });
}

/** What the users of the node have decided, and what it has learnt. */
export class PlayedPeers implements ShipPeers {
  readonly trusted = new Set<string>();
  readonly shipIds = new Map<string, string>();
  mayWaitFor = true;
  isTrusted(ski: string): boolean {
    return this.trusted.has(ski);
  }
  mayWait(): boolean {
    return this.mayWaitFor;
  }
  shipIdOf(ski: string): string | undefined {
    return this.shipIds.get(ski);
  }
  learn(ski: string, shipId: string): void {
    this.shipIds.set(ski, shipId);
  }
}

/** One SHIP node under test on virtual time. */
export class Stage {
  readonly clock = new SimClock();
  readonly random = new SeededRandom(1);
  readonly peers = new PlayedPeers();
  readonly engine: Engine;
  readonly events: EngineEvent[] = [];
  readonly got: ShipPayload[] = [];
  readonly dials: PlayedShipWire[] = [];
  readonly connections: Connection<ShipPayload>[] = [];
  #acceptor: Acceptor | undefined;
  #dials = 0;

  constructor(options: Partial<ShipOptions> = {}, onDial: (options: DialOptions | undefined) => void = () => {}) {
    const { clock, peers } = this;
    const transport = playedTransport(clock, 'message', {
      dialed: (handler, address, dialOptions) => {
        onDial(dialOptions);
        const wire = dialedWire(handler, clock, address);
        this.dials.push(wire);
        return wire;
      },
      listening: (acceptor) => (this.#acceptor = acceptor),
    });
    this.engine = new Engine(
      { clock, random: this.random.next, entropy: this.random.bytes },
      {
        transports: [transport],
        protocols: [ship({ ski: SELF, shipId: 'self-id', peers, ...options })],
        listen: ['played://here'],
        resolver: { resolve: (ski, answer) => (answer([`played://${ski}`]), () => {}) },
      },
    );
    this.engine.on((event) => {
      this.events.push(event);
      if (event.type === 'readable')
        (event.connection as Connection<ShipPayload>).onMessage = (message) => this.got.push(message);
      if (event.type === 'connected') this.connections.push(event.connection as Connection<ShipPayload>);
    });
    void this.engine.start();
    clock.settle();
  }

  /** Registers the peer, lets the first band pass, and gives the wire that was dialed, open. */
  dial(ski = HIGH): PlayedShipWire {
    this.peers.trusted.add(ski);
    const before = this.dials.length;
    this.engine.peers.register(ski);
    this.clock.runUntil(() => this.dials.length > before, { withinMs: 20_000 });
    return this.dials.at(-1)!.open();
  }

  /** Somebody whose certificate states this SKI, or none (null), comes in. */
  dialIn(ski: string | null = HIGH): PlayedShipWire {
    let wire: PlayedShipWire | undefined;
    const identity = { fingerprint: 'f'.repeat(64), ...(ski === null ? {} : { ski }) };
    this.#dials++;
    this.#acceptor!.onOffer({
      remoteAddress: `10.0.0.${this.#dials}:1`,
      identity,
      open: (handler) => {
        wire = new PlayedShipWire(handler, this.clock, identity);
        return () => wire!.destroy();
      },
      refuse: (refusal) => this.events.push({ type: 'refused', remoteAddress: 'before the upgrade', code: refusal.code }),
    });
    this.clock.settle();
    if (wire === undefined) throw new Error('turned away before the upgrade');
    return wire.open();
  }

  get story(): string[] {
    return storyOf(this.events);
  }
  get closing(): Closing | undefined {
    const found = this.events.findLast((e) => e.type === 'closing');
    return found?.type === 'closing' ? found.closing : undefined;
  }
}

/** A node that trusts the peer, as server. */
export function served(options = {}): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage(options);
  s.peers.trusted.add(HIGH);
  return { s, wire: s.dialIn() };
}

export const INIT: OutgoingShipMessage = { kind: 'init', value: 0 };
export const READY: OutgoingShipMessage = { kind: 'hello', phase: 'ready', waitingMs: 60_000 };
export const PENDING: OutgoingShipMessage = { kind: 'hello', phase: 'pending', waitingMs: 60_000 };
export const ABORTED: OutgoingShipMessage = { kind: 'hello', phase: 'aborted' };
export const MORE: OutgoingShipMessage = { kind: 'hello', phase: 'pending', prolongationRequest: true };
const V1 = { version: { major: 1, minor: 0 }, formats: ['JSON-UTF8'] };
export const ANNOUNCE: OutgoingShipMessage = { kind: 'protocol', handshakeType: 'announceMax', ...V1 };
export const SELECT: OutgoingShipMessage = { kind: 'protocol', handshakeType: 'select', ...V1 };
export const NO_PIN: OutgoingShipMessage = { kind: 'pin', pinState: 'none' };
export const WHO: OutgoingShipMessage = { kind: 'access-request' };
export const ID: OutgoingShipMessage = { kind: 'access', id: 'peer-id' };
export const DATA = (n: number): OutgoingShipMessage => ({ kind: 'data', payload: { datagram: { n } } });
export const CLOSE: OutgoingShipMessage = { kind: 'close', phase: 'announce', maxTimeMs: 500, reason: 'unspecific' };
export const CONFIRM: OutgoingShipMessage = { kind: 'close', phase: 'confirm' };

/** The steps up to each phase, as a peer takes them. */
export const AS_CLIENT = { cmi: [INIT], hello: [READY], protocol: [ANNOUNCE, SELECT], pin: [NO_PIN], access: [WHO, ID] } as const;
export const AS_SERVER = { cmi: [INIT], hello: [READY], protocol: [SELECT], pin: [NO_PIN], access: [WHO, ID] } as const;
export type Phase = keyof typeof AS_CLIENT;

/** Says everything up to and including a phase. */
export function through(
  wire: PlayedShipWire,
  steps: Readonly<Record<Phase, readonly OutgoingShipMessage[]>>,
  last: Phase,
): PlayedShipWire {
  for (const phase of ['cmi', 'hello', 'protocol', 'pin', 'access'] as const) {
    wire.say(...steps[phase]);
    if (phase === last) break;
  }
  return wire;
}
