import { ncpCodec } from '../../adapters/tuna/codec.js';
import type { Clock } from '../../machines/ports.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import type { SimClock } from '../sim/clock.js';
import { NcpEnd } from './ncp-end.js';

const TICK_MS = 5;
const GATHER_MS = 50;
const PACKET_BYTES = 100;

/** What ncp-go 1.0.6 remembers about one of its connections. */
interface GoConnection {
  readonly sentAt: Map<number, number>;
  readonly resent: Set<number>;
  rtoMs: number;
  leastRtoMs: number;
  readonly owed: Set<number>;
  /** Under way to us, oldest first: sockets, proxies, our own reader. */
  readonly queue: Uint8Array[];
  isUp: boolean;
}

/** The clock of a process that has to wait for its turns. */
function late(clock: SimClock, lateMs: () => number): Clock {
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    setTimeout: (task, ms) => clock.setTimeout(task, ms + lateMs()),
    clearTimeout: (handle) => clock.clearTimeout(handle as never),
    soon: (task) => clock.soon(task),
  };
}

export interface OriginalSenderOptions {
  readonly clock: SimClock;
  readonly links: number;
  /** Packets that may be unread at our application. */
  readonly window: number;
  /** Packets that a link brings to us in a millisecond, at the moment. */
  readonly rate: () => number;
  /** How late our timers are, at the moment. */
  readonly lateMs?: () => number;
  /** One way, each direction, besides the queue. */
  readonly wayMs?: number;
}

/**
 * An ncp-go 1.0.6 that sends as fast as it may, in virtual time: how it takes round trips from acknowledgements, what becomes of its
 * timeout, what it sends again, where, and when it says what it owes. `connection.go` and `session.go` are its source.
 */
export class OriginalSender {
  readonly links: GoConnection[];
  readonly end: NcpEnd;
  resent = 0;
  #next = 1;
  #read = 0; // Packets that our application has read.
  #waiting = new Set<number>(); // Not acknowledged on any link.
  #lost: number[] = [];
  #turn = 0;
  #packet = new Packet();
  #isStopped = false;

  constructor(readonly options: OriginalSenderOptions) {
    const { clock, links, window, wayMs = 0, lateMs } = options;
    this.links = Array.from({ length: links }, () => ({
      sentAt: new Map<number, number>(),
      resent: new Set<number>(),
      rtoMs: 5000,
      leastRtoMs: 5000,
      owed: new Set<number>(),
      queue: [],
      isUp: true,
    }));
    this.end = new NcpEnd({
      role: 'acceptor',
      clock: lateMs === undefined ? clock : late(clock, lateMs),
      links,
      limits: { idleMs: 0 },
      send: (link, bytes) => {
        const copy = bytes.slice();
        clock.setTimeout(() => this.#hear(link, copy), wayMs + 1);
      },
    });
    this.end.attachAll();
    const windowBytes = window * PACKET_BYTES;
    const clientIds = this.links.map((_, i) => String(i));
    this.end.receive(0, ncpCodec.putHandshake({ clientIds, windowBytes, mtu: PACKET_BYTES }));
    this.#tick();
    this.#gather();
  }

  /** The shortest timeout of the moment. */
  get rtoMs(): number {
    return Math.min(...this.links.map(({ rtoMs }) => rtoMs));
  }
  get leastRtoMs(): number {
    return Math.min(...this.links.map(({ leastRtoMs }) => leastRtoMs));
  }

  /** Its socket ends: what lies in it is lost. */
  cut(link: number): void {
    this.links[link]!.isUp = false;
    this.links[link]!.queue.length = 0;
    this.end.detach(link);
  }

  stop(): void {
    this.#isStopped = true;
    this.end.stop();
  }

  #tick(): void {
    if (this.#isStopped) return;
    const { clock, rate, wayMs = 0, links } = this.options;
    for (let i = 0; i < links; i++) {
      const connection = this.links[i]!;
      const now = Math.min(connection.queue.length, Math.floor(rate() * TICK_MS));
      for (const bytes of connection.queue.splice(0, now))
        clock.setTimeout(() => {
          if (connection.isUp) this.end.receive(i, bytes);
        }, wayMs);
    }
    this.#pump();
    clock.setTimeout(() => this.#tick(), TICK_MS);
  }

  #pump(): void {
    const { links, window } = this.options;
    const up = this.links.filter(({ isUp }) => isUp);
    if (up.length === 0) return;
    for (let n; (n = this.#lost.shift()) !== undefined;) {
      if (!this.#waiting.has(n)) continue;
      this.resent++;
      this.#send(up[this.#turn++ % up.length]!, n);
    }
    while (this.#next - 1 - this.#read < window) {
      const connection = up[this.#turn++ % up.length]!;
      if (up.every(({ sentAt }) => sentAt.size >= window / links)) return;
      if (connection.sentAt.size >= window / links) continue;
      this.#waiting.add(this.#next);
      this.#send(connection, this.#next++);
    }
  }

  #send(connection: GoConnection, n: number): void {
    const into = new Uint8Array(PACKET_BYTES + 12);
    connection.queue.push(into.slice(0, ncpCodec.putDataHead(into, 0, n, PACKET_BYTES) + PACKET_BYTES));
    if (!connection.sentAt.has(n)) connection.sentAt.set(n, this.options.clock.now());
    connection.resent.delete(n);
  }

  #hear(link: number, bytes: Uint8Array): void {
    const packet = this.#packet;
    const at = this.links[link]!;
    if (this.#isStopped || !at.isUp || !ncpCodec.read(bytes, 0, bytes.length, packet)) return;
    if (packet.sequence > 0) at.owed.add(packet.sequence);
    if (packet.bytesRead > 0) this.#read = Math.max(this.#read, packet.bytesRead / PACKET_BYTES);
    for (let i = 0; i < packet.ranges; i++)
      for (let n = packet.starts[i]!; n < packet.starts[i]! + packet.counts[i]!; n++) this.#acknowledged(n, at);
    this.#pump();
  }

  /** Each connection that has sent it lets go of it; the one that the acknowledgement came on takes a round trip of it. */
  #acknowledged(n: number, at: GoConnection): void {
    this.#waiting.delete(n);
    for (const connection of this.links) {
      const sentAt = connection.sentAt.get(n);
      if (sentAt === undefined) continue;
      connection.sentAt.delete(n);
      connection.resent.delete(n);
      if (connection !== at) continue;
      const rttMs = this.options.clock.now() - sentAt;
      connection.rtoMs = Math.min(10_000, connection.rtoMs + 100 * Math.tanh((3 * rttMs - connection.rtoMs) / 1000));
      connection.leastRtoMs = Math.min(connection.leastRtoMs, connection.rtoMs);
    }
  }

  #gather(): void {
    if (this.#isStopped) return;
    const { clock } = this.options;
    for (const connection of this.links) {
      if (connection.isUp && connection.owed.size > 0) {
        const starts = Uint32Array.from([...connection.owed].toSorted((a, b) => a - b).slice(0, 32));
        for (const n of starts) connection.owed.delete(n);
        const into = new Uint8Array(600);
        const end = ncpCodec.putAck(into, 0, starts, new Uint32Array(starts.length).fill(1), starts.length, 0);
        connection.queue.push(into.slice(0, end));
      }
      for (const [n, sentAt] of connection.sentAt)
        if (!connection.resent.has(n) && clock.now() - sentAt > connection.rtoMs) {
          connection.resent.add(n);
          if (this.#waiting.has(n)) this.#lost.push(n);
          else connection.sentAt.delete(n);
        }
    }
    clock.setTimeout(() => this.#gather(), GATHER_MS);
  }
}
