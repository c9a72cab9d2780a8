import { isUtf8 } from 'node:buffer';
import * as faults from './websocket-faults.js';
import type { FrameFault } from './websocket-faults.js';
import { maskInto, unmask } from './websocket-mask.js';

/** Events of a reader. Messages belong to the receiver; the bytes of the rest are valid until the call returns. */
export interface FrameListener {
  /** A whole message, of one frame or of many. Text is valid UTF-8. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  pinged(bytes: Uint8Array): void;
  ponged(): void;
  /** The peer's close frame; 1005 where it states no code. Nothing is read after it. */
  concluded(code: number, reason: Uint8Array): void;
  /** The peer breaks the protocol. Nothing is read after it. */
  faulted(fault: FrameFault): void;
}

/** The length of the longest frame head: two bytes, a length of 64 bits, a mask. */
const HEAD_BYTES_MAX = 14;
const CONTROL_BYTES_MAX = 125;
/** An announced message reserves at most this multiple of its arrived bytes, so that an announcement costs little. */
const RESERVE_FACTOR = 32;

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const NOTHING = new Uint8Array(0);

/**
 * Reads WebSocket frames (RFC 6455, without extensions) from the chunks of a socket. A message that lies whole inside a chunk is
 * unmasked in place and given away as a view; one that spans chunks or frames is copied once, and unmasked on the way.
 * Bounded by `messageBytesMax`: an announced length above it is refused before a byte of it is kept.
 */
export class FrameReader {
  #isStopped = false;
  #opcode = CONTINUATION; // Opcode of the current frame.
  #isFinal = false; // The current frame ends its message.
  #key = 0; // Mask of the current frame, or 0.
  #bytes = 0; // Length of the current frame.
  #left = -1; // Missing bytes of the current frame; -1 between frames.
  #kind = 0; // TEXT or BINARY while a message of several frames is under way.
  #announced = 0; // Bytes of all frames of that message so far.
  #gathered: Uint8Array | undefined; // The arrived part of a message that doesn't lie in one chunk.
  #have = 0; // Bytes in `#gathered`.
  #head: Uint8Array | undefined; // The beginning of a head whose end has not arrived.
  #headHave = 0; // Bytes in `#head`.
  #control: Uint8Array | undefined; // The arrived data of a control frame, which may come between the frames of a message.

  /** @param expectsMasks true at the side that accepted: frames of dialers have to be masked, frames to dialers must not be */
  constructor(
    readonly expectsMasks: boolean,
    readonly messageBytesMax: number,
  ) {}

  /** It holds nothing of any message. */
  get isIdle(): boolean {
    return this.#left < 0 && this.#kind === 0 && this.#head === undefined && !this.#isStopped;
  }

  /** Ignores all further chunks. */
  stop(): void {
    this.#isStopped = true;
    this.#gathered = this.#head = this.#control = undefined;
  }

  /** The chunk is given away: messages may be views of it. */
  read(chunk: Uint8Array, listener: FrameListener): void {
    let at = 0;
    while (!this.#isStopped && at < chunk.length) {
      if (this.#left < 0) at = this.#readHead(chunk, at, listener);
      if (this.#left >= 0 && !this.#isStopped) at = this.#readData(chunk, at, listener);
    }
  }

  /**
   * Returns the offset up to which the chunk is read. Afterwards there is a frame (`#left` is not -1), or its head is incomplete.
   */
  #readHead(chunk: Uint8Array, at: number, listener: FrameListener): number {
    if (this.#head === undefined) {
      const length = this.#parse(chunk, at, chunk.length - at, listener);
      if (length > 0) return at + length;
      if (this.#isStopped) return chunk.length;
      this.#head = new Uint8Array(HEAD_BYTES_MAX);
      this.#headHave = 0;
    }
    // Byte by byte, so that an error is found at its place, however the bytes were split into chunks.
    for (let next = at; next < chunk.length && !this.#isStopped;) {
      this.#head[this.#headHave++] = chunk[next++]!;
      if (this.#parse(this.#head, 0, this.#headHave, listener) === 0) continue;
      this.#head = undefined;
      return next;
    }
    return chunk.length;
  }

  /** Length of the head at `at`; 0 if its end has not arrived, or if it is invalid. */
  #parse(bytes: Uint8Array, at: number, available: number, listener: FrameListener): number {
    if (available < 2) return 0;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const isMasked = second >= 0x80;
    let length = second & 0x7f;
    const wrong = this.#faultOf(first, opcode, length, isMasked);
    if (wrong !== undefined) return this.#refuse(wrong, listener);
    let headBytes = 2;
    if (length === 126) {
      if (available < 4) return 0;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      headBytes = 4;
    } else if (length === 127) {
      if (available < 10) return 0;
      const high = uint32(bytes, at + 2);
      if (high > 0x1fffff) return this.#refuse(faults.BEYOND_INTEGERS, listener);
      length = high * 2 ** 32 + uint32(bytes, at + 6);
      headBytes = 10;
    }
    if (opcode < CLOSE && this.#announced + length > this.messageBytesMax && length > 0)
      return this.#refuse(faults.TOO_LONG, listener);
    if (isMasked) {
      if (available < headBytes + 4) return 0;
      this.#key = uint32(bytes, at + headBytes) | 0;
      headBytes += 4;
    } else this.#key = 0;
    this.#opcode = opcode === CONTINUATION ? this.#kind : opcode;
    this.#isFinal = first >= 0x80;
    this.#bytes = this.#left = length;
    if (opcode < CLOSE) {
      this.#announced += length;
      if (!this.#isFinal) this.#kind = this.#opcode;
    }
    return headBytes;
  }

  #faultOf(first: number, opcode: number, length: number, isMasked: boolean): FrameFault | undefined {
    if ((first & 0x30) !== 0) return faults.RSV_2_3;
    if ((first & 0x40) !== 0) return faults.RSV_1;
    if (opcode === CONTINUATION) {
      if (this.#kind === 0) return faults.unknownOpcode(opcode);
    } else if (opcode === TEXT || opcode === BINARY) {
      if (this.#kind !== 0) return faults.unknownOpcode(opcode);
    } else if (opcode >= CLOSE && opcode <= PONG) {
      if (first < 0x80) return faults.NOT_FINAL;
      if (length > CONTROL_BYTES_MAX || (opcode === CLOSE && length === 1)) return faults.controlTooLong(length);
    } else return faults.unknownOpcode(opcode);
    if (isMasked !== this.expectsMasks) return isMasked ? faults.MASKED : faults.UNMASKED;
    return undefined;
  }

  #readData(chunk: Uint8Array, at: number, listener: FrameListener): number {
    const taken = Math.min(this.#left, chunk.length - at);
    const end = at + taken;
    const part = taken === 0 ? NOTHING : chunk.subarray(at, end);
    if (this.#opcode >= CLOSE) this.#readControl(part, listener);
    else if (taken === this.#bytes && this.#isFinal && this.#announced === taken) {
      unmask(part, this.#key);
      this.#left = -1;
      this.#deliver(part, listener);
    } else {
      this.#gather(part);
      if (this.#left === 0) this.#endFrame(listener);
    }
    return end;
  }

  #endFrame(listener: FrameListener): void {
    this.#left = -1;
    if (!this.#isFinal) return;
    const whole = this.#gathered?.subarray(0, this.#have) ?? NOTHING;
    this.#gathered = undefined;
    this.#have = 0;
    this.#deliver(whole, listener);
  }

  #deliver(message: Uint8Array, listener: FrameListener): void {
    const isBinary = this.#opcode === BINARY;
    this.#kind = this.#announced = 0;
    if (isBinary || isUtf8(message)) listener.message(message, isBinary);
    else this.#refuse(faults.BAD_UTF8, listener);
  }

  #gather(part: Uint8Array): void {
    if (part.length === 0) return;
    const need = this.#have + part.length;
    if (this.#gathered === undefined || need > this.#gathered.length) this.#reserve(need);
    maskInto(this.#gathered!, this.#have, part, this.#key, this.#bytes - this.#left);
    this.#have = need;
    this.#left -= part.length;
  }

  /** Reserves room for the announced bytes once enough have arrived; and for twice as many each time while more frames follow. */
  #reserve(need: number): void {
    const announced = Math.min(this.#announced, RESERVE_FACTOR * need);
    const doubled = this.#isFinal ? 0 : Math.min(2 * this.#have, this.messageBytesMax);
    // Not zero-filled, since every byte that is given away was written; not from Node's pool, since it is given away.
    const larger = Buffer.allocUnsafeSlow(Math.max(need, announced, doubled));
    if (this.#gathered !== undefined) larger.set(this.#gathered.subarray(0, this.#have));
    this.#gathered = larger;
  }

  #readControl(part: Uint8Array, listener: FrameListener): void {
    let bytes = part;
    if (part.length < this.#bytes) {
      if (part.length === 0) return;
      this.#control ??= new Uint8Array(this.#bytes);
      maskInto(this.#control, this.#bytes - this.#left, part, this.#key, this.#bytes - this.#left);
      this.#left -= part.length;
      if (this.#left > 0) return;
      bytes = this.#control;
      this.#control = undefined;
    } else unmask(bytes, this.#key);
    this.#left = -1;
    if (this.#opcode === PING) listener.pinged(bytes);
    else if (this.#opcode === PONG) listener.ponged();
    else this.#conclude(bytes, listener);
  }

  #conclude(bytes: Uint8Array, listener: FrameListener): void {
    const code = bytes.length === 0 ? 1005 : (bytes[0]! << 8) | bytes[1]!;
    const reason = bytes.subarray(2);
    if (bytes.length > 0 && !faults.isReceivableStatus(code)) this.#refuse(faults.badStatus(code), listener);
    else if (!isUtf8(reason)) this.#refuse(faults.BAD_UTF8, listener);
    else {
      this.stop();
      listener.concluded(code, reason);
    }
  }

  /** 0: there is no frame. */
  #refuse(fault: FrameFault, listener: FrameListener): 0 {
    this.stop();
    listener.faulted(fault);
    return 0;
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

let spareOfAcceptors: FrameReader | undefined;
let spareOfDialers: FrameReader | undefined;

/** A reader for one chunk, or until it is idle again: most wires are idle most of the time, and then need none. */
export function takeReader(expectsMasks: boolean, messageBytesMax: number): FrameReader {
  const spare = expectsMasks ? spareOfAcceptors : spareOfDialers;
  if (spare === undefined || spare.messageBytesMax !== messageBytesMax) return new FrameReader(expectsMasks, messageBytesMax);
  if (expectsMasks) spareOfAcceptors = undefined;
  else spareOfDialers = undefined;
  return spare;
}

/** The reader is idle. */
export function giveReader(reader: FrameReader): void {
  if (reader.expectsMasks) spareOfAcceptors = reader;
  else spareOfDialers = reader;
}
