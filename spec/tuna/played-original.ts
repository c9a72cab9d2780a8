import { framed, frameBytes } from '../../adapters/tuna/envelope.js';
import { ncpCodec } from '../../adapters/tuna/index.js';
import { putMetadata } from '../../adapters/tuna/metadata.js';
import type { Wire } from '../../machines/ports.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { fill } from './ncp-channel.js';
import type { TunaWorld } from './tuna-world.js';

export interface PlayedWire {
  readonly link: number;
  wire: Wire | undefined;
  isOver: boolean;
  /** What it has heard besides handshakes. */
  packets: number;
  /** Half a frame. */
  rest: Uint8Array;
}

/**
 * A dialer as nkn-tuna-session is one, for the simulation: its openings name neither link nor window, it says its handshake once on
 * each wire and nothing more on a wire that it dials again. What it is asked for it acknowledges, while it `answers`.
 */
export class PlayedOriginal {
  readonly wires: PlayedWire[] = [];
  /** Of the latest answer to its handshake. */
  answeredIds: readonly string[] | undefined;
  answers = true;
  isOver = false;
  readonly #id: Uint8Array;

  constructor(
    readonly w: TunaWorld,
    readonly links: number,
    id = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
  ) {
    this.#id = id;
  }

  get ids(): string[] {
    return Array.from({ length: this.links }, (_, i) => String(i));
  }
  /** Connections that it counts on, once it was answered. */
  get used(): number {
    return Math.min(this.links, this.answeredIds?.length ?? this.links);
  }
  live(link: number): PlayedWire | undefined {
    return this.wires.find((each) => each.link === link && !each.isOver);
  }

  dialAll(address: (link: number) => string = () => 'sim://b:1'): void {
    for (let link = 0; link < this.links; link++) this.dial(link, address(link));
  }

  /** With `redials` it dials again for as long as it lives, as with unlimited `ReconnectRetries`. */
  dial(link: number, address: string, { redials = true, sendsHello = true } = {}): PlayedWire {
    const made: PlayedWire = { link, wire: undefined, isOver: false, packets: 0, rest: new Uint8Array(0) };
    this.wires.push(made);
    this.w.network.transport('c').dial(address, {})({
      onOpen: (wire) => {
        made.wire = wire;
        wire.send(Buffer.concat([framed(Buffer.from('original')), framed(putMetadata({ id: this.#id, type: 1 }))]));
        if (sendsHello) this.say(made, ncpCodec.putHandshake({ clientIds: this.ids, windowBytes: 4 << 20, mtu: 1300 }));
      },
      onBytes: (bytes) => this.#hear(made, bytes),
      onDrain: () => {},
      onProbeAnswer: () => {},
      onClose: () => {
        made.isOver = true;
        if (redials && !this.isOver)
          this.w.clock.setTimeout(() => this.dial(link, address, { sendsHello: this.answeredIds === undefined }), 20);
      },
    });
    return made;
  }

  say(made: PlayedWire, packet: Uint8Array): void {
    made.wire?.send(framed(packet));
  }
  /** Bytes of its stream, as one packet. */
  data(link: number, sequence: number, bytes: number): void {
    const packet = new Uint8Array(16 + bytes);
    const head = ncpCodec.putDataHead(packet, 0, sequence, bytes);
    const end = head + bytes;
    fill(packet.subarray(head, end), (sequence - 1) * bytes);
    this.say(this.live(link)!, packet.subarray(0, end));
  }

  #hear(made: PlayedWire, more: Uint8Array): void {
    const packet = new Packet();
    const bytes = new Uint8Array(Buffer.concat([made.rest, more]));
    let at = 0;
    const isWhole = (): boolean => at + 4 <= bytes.length && at + frameBytes(bytes, at) <= bytes.length;
    for (; isWhole(); at += frameBytes(bytes, at)) {
      if (!ncpCodec.read(bytes, at + 4, at + frameBytes(bytes, at), packet)) throw new Error('not a packet');
      if (packet.handshake !== undefined) {
        this.answeredIds ??= packet.handshake.clientIds;
        continue;
      }
      made.packets++;
      if (packet.sequence === 0 || !this.answers) continue;
      if (made.link >= this.used) return made.wire!.destroy(); // The original has no such connection.
      const ack = new Uint8Array(64);
      const [starts, counts] = [Uint32Array.of(packet.sequence), Uint32Array.of(1)];
      this.say(made, ack.subarray(0, ncpCodec.putAck(ack, 0, starts, counts, 1, 0)));
    }
    made.rest = bytes.subarray(at);
  }
}
