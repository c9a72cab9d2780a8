import { framed, frameBytes } from '../../adapters/tuna/envelope.js';
import { ncpCodec } from '../../adapters/tuna/index.js';
import { putMetadata } from '../../adapters/tuna/metadata.js';
import { sealed, unsealed, type Box } from '../../adapters/tuna/sealing.js';
import type { Wire, WireCause } from '../../machines/ports.js';
import { Packet, type Fault } from '../../machines/tuna/tuna.messages.js';
import type { TunaWorld } from './tuna-world.js';

/** How the dialer shows itself: with or without the fields that only a holdfast writes, sealed or not. */
export interface RawOptions {
  readonly id?: number;
  readonly isHoldfast?: boolean;
  readonly address?: string;
  readonly box?: Box;
  readonly type?: 0 | 1 | 2;
}

/** One wire of a dialer that says what it is told to, byte for byte, and keeps what it hears. */
export class RawDialer {
  wire: Wire | undefined;
  ended: WireCause | undefined;
  endedAt: number | undefined;
  /** Why the other side ended the wire or the session, where it said so. */
  readonly faults: (Fault & { readonly isClose: boolean })[] = [];
  /** It heard a close, with a reason or without. */
  closes = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    readonly w: TunaWorld,
    readonly link: number,
    readonly options: RawOptions = {},
    host = 'raw',
  ) {
    w.network.transport(host).dial('sim://b:1', {})({
      onOpen: (wire) => (this.wire = wire),
      onBytes: (bytes) => this.#hear(bytes),
      onDrain: () => {},
      onProbeAnswer: () => {},
      onClose: (cause) => {
        this.ended = cause;
        this.endedAt = w.clock.now();
      },
    });
    w.runUntil(() => this.wire !== undefined);
  }

  open(): void {
    const { id = 7, isHoldfast = true, address = 'raw', type = 1 } = this.options;
    const metadata = putMetadata({
      id: new Uint8Array(8).fill(id),
      type: type as 1,
      ...(isHoldfast ? { link: this.link, windowMs: 60_000 } : {}),
    });
    this.bytes(framed(Buffer.from(address)));
    this.packet(metadata);
  }
  sendHello(windowBytes = 4 << 20, mtu = 1300): void {
    const { isHoldfast = true } = this.options;
    this.packet(ncpCodec.putHandshake({ clientIds: ['0', '1', '2', '3'], windowBytes, mtu, isHoldfast }));
  }
  data(sequence: number, bytes: number): void {
    const into = new Uint8Array(16 + bytes);
    this.packet(into.subarray(0, ncpCodec.putDataHead(into, 0, sequence, bytes) + bytes));
  }
  ack(starts: readonly number[], counts: readonly number[]): void {
    const into = new Uint8Array(100);
    const [from, of] = [Uint32Array.from(starts), Uint32Array.from(counts)];
    this.packet(into.subarray(0, ncpCodec.putAck(into, 0, from, of, starts.length, 0)));
  }
  /** Sealed, where there is a key. */
  packet(packet: Uint8Array): void {
    const { box } = this.options;
    this.bytes(framed(box === undefined ? packet : sealed(box, this.w.random.bytes(24), packet)));
  }
  bytes(bytes: Uint8Array): void {
    this.wire!.send(bytes);
  }

  #hear(more: Uint8Array): void {
    const bytes = new Uint8Array(Buffer.concat([this.#rest, more]));
    let at = 0;
    for (; at + 4 <= bytes.length && at + frameBytes(bytes, at) <= bytes.length; at += frameBytes(bytes, at)) {
      const body = bytes.subarray(at + 4, at + frameBytes(bytes, at));
      const { box } = this.options;
      const opened = box === undefined ? body : unsealed(box, body);
      const packet = new Packet();
      if (opened === undefined || !ncpCodec.read(opened, 0, opened.length, packet)) throw new Error('not a packet');
      if (packet.close) this.closes++;
      if (packet.fault !== undefined) this.faults.push({ ...packet.fault, isClose: packet.close });
    }
    this.#rest = bytes.subarray(at);
  }
}
