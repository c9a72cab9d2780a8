import type { Clock, Offer, Transport, Wire, WireHandler } from '../../machines/ports.js';
import * as m from '../interop/ship-messages.js';
import type { SeededRandom } from '../sim/random.js';

/**
 * How a peer decides between two connections to one node. `ship-go 0.6.0`: the one that the larger SKI opened stays, judged after
 * the upgrade, on both sides. `standard` (12.2.2): the larger SKI keeps the newest, calling off a dial of its own that is under way
 * when another one comes in; the smaller one leaves both for 3 s. `newest`: the first half of that, whatever the SKIs.
 */
export type PeerRule = 'ship-go 0.6.0' | 'standard' | 'newest';

const DECISION_MS = 3000;
/** As ship-go waits before its dials; the row begins anew with a completed connection. */
const BANDS = [
  [0, 3000],
  [3000, 10_000],
  [10_000, 20_000],
] as const;

/** One wire that is open, in order of opening. */
interface Link {
  readonly wire: Wire;
  readonly isOurs: boolean;
  isCompleted: boolean;
  data: number;
}

/** A SHIP peer by another rule book than the hub's, in virtual time: one handshake per wire, answers only, no codec of ours. */
export class TiePeer {
  readonly links: Link[] = [];
  dials = 0;
  completed = 0;
  lastDialMs = 0;
  #cancelDial: (() => void) | undefined;
  #attempt = 0;
  #timer: unknown;
  #isOver = false;

  constructor(
    readonly rule: PeerRule,
    readonly ski: string,
    readonly remoteSki: string,
    readonly transport: Transport,
    readonly remote: string,
    readonly clock: Clock,
    readonly random: SeededRandom,
  ) {
    transport.listen('sim://peer:1', {
      onListening: () => {},
      onFailed: () => {},
      onOffer: (offer) => this.#offered(offer),
    });
  }

  get current(): Link | undefined {
    return this.links.at(-1);
  }

  get #isLarger(): boolean {
    return this.ski > this.remoteSki;
  }
  /** It keeps the newest, and decides so by itself. */
  get #keepsNewest(): boolean {
    return this.rule === 'newest' || (this.rule === 'standard' && this.#isLarger);
  }

  /** Dials now; where that comes to nothing once more, as ship-go does without the path, and then by the bands. */
  dial(triesLeft = 2): void {
    this.clock.clearTimeout(this.#timer);
    if (this.#isOver || this.links.length > 0 || this.#cancelDial !== undefined) return;
    this.dials++;
    this.lastDialMs = this.clock.now();
    let isOpen = false;
    let isCalledOff = false;
    const handler = this.#handler(true, () => {
      isOpen = true;
      this.#cancelDial = undefined;
    });
    const { onClose } = handler;
    handler.onClose = (cause) => {
      if (isOpen) return onClose(cause);
      if (isCalledOff) return; // For the one that came in.
      this.#cancelDial = undefined;
      if (triesLeft > 1 && this.links.length === 0) this.dial(triesLeft - 1);
      else this.#later();
    };
    const cancel = this.transport.dial(this.remote)(handler);
    this.#cancelDial = () => {
      isCalledOff = true;
      cancel();
    };
  }

  say(): void {
    this.current?.wire.send(m.bytesOf(m.data('{"datagram":[{"n":1}]}')));
  }

  end(): void {
    this.#isOver = true;
    this.clock.clearTimeout(this.#timer);
    this.#cancelDial?.();
    for (const { wire } of [...this.links]) wire.destroy();
  }

  #offered(offer: Offer): void {
    if (this.#keepsNewest) {
      this.#cancelDial?.(); // What comes in now is newer.
      this.#cancelDial = undefined;
    }
    offer.open(this.#handler(false, () => {}));
  }

  #handler(isOurs: boolean, opened: () => void): WireHandler & { onClose: WireHandler['onClose'] } {
    let link: Link | undefined;
    return {
      onOpen: (wire) => {
        opened();
        link = { wire, isOurs, isCompleted: false, data: 0 };
        if (!this.#keeps(link)) return wire.close(1000, 'double connection');
        this.links.push(link);
        if (isOurs) wire.send(m.bytesOf(m.cmi));
      },
      onBytes: (bytes) => link !== undefined && this.links.includes(link) && this.#answer(link, m.messageOf(bytes)),
      onDrain: () => {},
      onProbeAnswer: () => {},
      onClose: () => {
        if (link === undefined) return;
        this.#drop(link);
        this.#later();
      },
    };
  }

  /** Whether a new connection stays; those that don't are closed. */
  #keeps(link: Link): boolean {
    const others = [...this.links];
    if (others.length === 0) return true;
    if (this.rule === 'ship-go 0.6.0') {
      if (link.isOurs !== this.#isLarger) return false;
      for (const other of others) this.#close(other);
      return true;
    }
    if (this.#keepsNewest) for (const other of others) this.#close(other);
    else this.clock.setTimeout(() => this.#decide(), DECISION_MS);
    return true;
  }

  /** The larger side had its time: of those that live the newest is kept. */
  #decide(): void {
    for (const other of this.links.slice(0, -1)) this.#close(other);
  }

  #close(link: Link): void {
    this.#drop(link);
    link.wire.close(4001);
  }
  #drop(link: Link): void {
    const at = this.links.indexOf(link);
    if (at >= 0) this.links.splice(at, 1);
  }

  #later(): void {
    this.clock.clearTimeout(this.#timer);
    if (this.#isOver || this.links.length > 0) return;
    const [fromMs, toMs] = BANDS[Math.min(this.#attempt++, BANDS.length - 1)]!;
    this.#timer = this.clock.setTimeout(() => this.dial(), this.random.between(fromMs, toMs));
  }

  #answer(link: Link, message: m.ShipMessage): void {
    const { isOurs, wire } = link;
    const say = (...messages: m.ShipMessage[]): void => messages.forEach((each) => wire.send(m.bytesOf(each)));
    switch (m.nameOf(message)) {
      case 'cmi':
        return say(...(isOurs ? [] : [m.cmi]), m.hello('ready'));
      case 'connectionHello':
        return isOurs && m.memberOf(message, 'phase') === 'ready' ? say(m.protocolHandshake('announceMax')) : undefined;
      case 'messageProtocolHandshake':
        if (m.memberOf(message, 'handshakeType') === 'announceMax') return say(m.protocolHandshake('select'));
        return say(...(isOurs ? [m.protocolHandshake('select')] : []), m.pinState('none'));
      case 'connectionPinState':
        return say(m.accessMethodsRequest);
      case 'accessMethodsRequest':
        return say(m.accessMethods('peer'));
      case 'accessMethods':
        link.isCompleted = true;
        this.completed++;
        this.#attempt = 0;
        return;
      case 'connectionClose':
        return m.memberOf(message, 'phase') === 'announce' ? say(m.connectionClose('confirm')) : undefined;
      case 'data':
        link.data++;
        return;
      default:
    }
  }
}
