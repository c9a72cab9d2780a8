import type { Writable } from 'node:stream';
import { giveBlock, takeBlock } from './websocket-blocks.js';
import { maskInto, randomKey } from './websocket-mask.js';

/** How this side masks: a dialer has to, `zero` is a mask that changes nothing, and a side that accepted must not. */
export type Masking = 'none' | 'zero' | 'random';

/** A larger piece that needs no mask is written from where it is. Below, it is copied; the bound is chosen without measurement. */
const COPIED_BYTES_MAX = 8 * 1024;
/** The longest head of a frame: two bytes, a length of 64 bits, a mask. */
const HEAD_BYTES_MAX = 14;

/** A block that is full, and of which the socket has not written everything yet. */
interface BusyBlock {
  readonly block: Buffer;
  /** Of all that this writer ever gave to the socket, the end of what lies in the block. */
  readonly end: number;
}

/**
 * Writes WebSocket frames (RFC 6455, without extensions) to a socket, put together in memory that is used again: V8 answers a new buffer for
 * each masked message with a full collection every few megabytes. A block is free for other frames, of any wire, once the socket has
 * written it, which is at once while the system takes what it is given. So the blocks in use hold what waits in the socket, which the
 * wire bounds, and one block more. An idle writer has none.
 */
export class FrameWriter {
  #writtenBytes = 0;
  #block: Buffer | undefined; // Where frames are put,
  #start = 0; // from here on not yet given to the socket,
  #at = 0; // up to here.
  #busy: BusyBlock[] | undefined;
  #isOpen = false; // Between `begin` and `end`.
  #socket: Writable | undefined; // Until nothing of ours waits in it.
  readonly #onWritten = (): void => this.#reclaim();

  constructor(readonly masking: Masking) {}

  /**
   * Frames until `end` leave in as few writes as possible.
   *
   * @param socket the same as before, unless `end` said that the writer is free
   * @param bytes about how many there will be
   */
  begin(socket: Writable, bytes: number): void {
    this.#socket = socket;
    this.#reclaim();
    this.#isOpen = true;
    this.#block ??= takeBlock(bytes + HEAD_BYTES_MAX);
    if (this.masking !== 'random') socket.cork();
  }

  /** True: everything was written, and the writer is free for another socket. */
  end(): boolean {
    this.#flush();
    if (this.masking !== 'random') this.#socket!.uncork();
    this.#isOpen = false;
    this.#reclaim();
    if (this.#block !== undefined) return false;
    this.#socket = undefined;
    return true;
  }

  /** One frame, whole: the bytes of `pieces` from index `from` to before `to`, `bytes` in number. */
  frame(opcode: number, pieces: readonly Uint8Array[], from: number, to: number, bytes: number): void {
    const key = this.masking === 'random' ? randomKey() : 0;
    this.#head(opcode, bytes, key);
    for (let i = from, done = 0; i < to; i++) {
      const piece = pieces[i]!;
      if (key === 0 && piece.length > COPIED_BYTES_MAX) this.#pass(piece);
      else this.#copy(piece, key, done, bytes - done);
      done += piece.length;
    }
  }

  /** Memory held for what waits in the socket, in bytes. */
  get heldBytes(): number {
    return (this.#busy ?? []).reduce((sum, { block }) => sum + block.length, this.#block?.length ?? 0);
  }

  /** Node subtracts bytes that the system has taken before `write` returns: at 0 no block is read any more. */
  #reclaim(): void {
    if (this.#socket === undefined) return;
    const { writableLength } = this.#socket;
    if (this.#busy !== undefined) this.#reclaimBusy(this.#writtenBytes - writableLength);
    if (writableLength > 0 || this.#block === undefined) return;
    this.#start = this.#at = 0;
    if (this.#isOpen) return;
    giveBlock(this.#block);
    this.#block = undefined;
  }

  #reclaimBusy(done: number): void {
    const busy = this.#busy!;
    let count = 0;
    while (count < busy.length && busy[count]!.end <= done) giveBlock(busy[count++]!.block);
    if (count > 0) this.#busy = count === busy.length ? undefined : busy.slice(count);
  }

  #head(opcode: number, bytes: number, key: number): void {
    if (this.#block!.length - this.#at < HEAD_BYTES_MAX) this.#next(bytes);
    const block = this.#block!;
    const mask = this.masking === 'none' ? 0 : 0x80;
    block[this.#at++] = 0x80 | opcode;
    if (bytes < 126) block[this.#at++] = mask | bytes;
    else if (bytes < 65536) {
      block[this.#at++] = mask | 126;
      this.#at = block.writeUInt16BE(bytes, this.#at);
    } else {
      block[this.#at++] = mask | 127;
      this.#at = block.writeUInt32BE(Math.floor(bytes / 2 ** 32), this.#at);
      this.#at = block.writeUInt32BE(bytes >>> 0, this.#at);
    }
    if (mask !== 0) this.#at = block.writeInt32BE(key, this.#at);
  }

  /** @param left bytes of the frame that have not been put into a block, those of this piece included */
  #copy(piece: Uint8Array, key: number, phase: number, left: number): void {
    for (let done = 0; done < piece.length;) {
      if (this.#at === this.#block!.length) this.#next(left - done);
      const taken = Math.min(piece.length - done, this.#block!.length - this.#at);
      const part = taken === piece.length ? piece : piece.subarray(done, done + taken);
      maskInto(this.#block!, this.#at, part, key, (phase + done) & 3);
      this.#at += taken;
      done += taken;
    }
  }

  #pass(piece: Uint8Array): void {
    this.#flush();
    this.#write(piece);
  }

  #flush(): void {
    if (this.#at === this.#start) return;
    const from = this.#start;
    this.#start = this.#at;
    this.#write(this.#block!.subarray(from, this.#at));
  }

  #write(bytes: Uint8Array): void {
    this.#writtenBytes += bytes.length;
    this.#socket!.write(bytes, this.#onWritten);
  }

  /** Room for more: in the same block, if the socket is done with it. */
  #next(bytes: number): void {
    this.#flush();
    this.#reclaim();
    if (this.#at > 0) (this.#busy ??= []).push({ block: this.#block!, end: this.#writtenBytes });
    else if (bytes <= this.#block!.length) return;
    else giveBlock(this.#block!);
    this.#block = takeBlock(bytes + HEAD_BYTES_MAX);
    this.#start = this.#at = 0;
  }
}

const spare: Record<Masking, FrameWriter | undefined> = { none: undefined, zero: undefined, random: undefined };

/** A writer for one call, or for as long as `end` says false. Most sockets take all they are given, and need none in between. */
export function takeWriter(masking: Masking): FrameWriter {
  const writer = spare[masking] ?? new FrameWriter(masking);
  spare[masking] = undefined;
  return writer;
}

/** The writer is free. */
export function giveWriter(writer: FrameWriter): void {
  spare[writer.masking] = writer;
}
