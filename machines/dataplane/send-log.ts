import { SessionError } from '../errors.js';

/** How a codec writes one message into the log. */
export interface LogCodec {
  /** Bytes of head in front of each payload. */
  readonly dataHeadBytes: number;
  /** Writes head and payload at `at`. `prompt` asks the receiver to acknowledge without delay. */
  putData(into: Uint8Array, at: number, sequence: number, payload: Uint8Array, prompt: boolean): void;
  /** The head alone. Without this, shared messages are copied. */
  putDataHead?(into: Uint8Array, at: number, sequence: number, payloadBytes: number, prompt: boolean): void;
}

/** The cost of every message beyond its payload, in credit and in bounds: its heads, its entry, its share of a view. */
export const MESSAGE_COST_BYTES = 64;

interface Slab {
  readonly bytes: Uint8Array;
  used: number; // Written up to here.
  readonly first: number; // Number of the first message in it.
  readonly shared: 'no' | 'bulk' | 'prompt'; // Otherwise the payload of one message, which other sessions have too; its head is made when it is sent.
}

const NO_SIZES = new Uint32Array(0);
/** A shared payload below this is copied: an object that refers to it would weigh as much. */
const SHARED_BYTES_MIN = 256;
const SLAB_CLASSES = [2 << 10, 16 << 10, 64 << 10, 256 << 10];
/** Slabs for single messages above the largest class are multiples of this. */
const SLAB_STEP = 64 << 10;

/** Slabs that may be used again, shared by all sessions of an engine. Keeps at most `bytesMax`; the collector gets the rest. */
export class SlabPool {
  #free: Uint8Array[][] = SLAB_CLASSES.map(() => []);
  #large: Uint8Array[] = []; // Above the largest class: a few, since each counts much.
  #bytes = 0;
  constructor(readonly bytesMax = 8 << 20) {}

  /** At least `bytes` long; what it holds is rubbish. */
  get(bytes: number): Uint8Array {
    for (let i = 0; i < SLAB_CLASSES.length; i++) {
      const size = SLAB_CLASSES[i]!;
      if (bytes > size) continue;
      const slab = this.#free[i]!.pop();
      if (slab === undefined) return new Uint8Array(size);
      this.#bytes -= size;
      return slab;
    }
    return this.#getLarge(bytes);
  }

  put(slab: Uint8Array): void {
    if (this.#bytes + slab.length > this.bytesMax) return;
    const i = SLAB_CLASSES.indexOf(slab.length);
    if (i >= 0) this.#free[i]!.push(slab);
    else if (slab.length > SLAB_CLASSES.at(-1)!) this.#large.push(slab);
    else return;
    this.#bytes += slab.length;
  }

  /** Up to twice as long as needed. */
  #getLarge(bytes: number): Uint8Array {
    const i = this.#large.findLastIndex(({ length }) => length >= bytes && length <= 2 * bytes);
    if (i < 0) return new Uint8Array(Math.ceil(bytes / SLAB_STEP) * SLAB_STEP);
    const slab = this.#large[i]!;
    const last = this.#large.pop()!;
    if (i < this.#large.length) this.#large[i] = last;
    this.#bytes -= slab.length;
    return slab;
  }
}

/**
 * Messages that were numbered but not acknowledged, encoded once, side by side in slabs. Bytes that are sent, and sent again,
 * is a view of a slab with many frames in it: one large write instead of many small ones, and no copy for a replay.
 * Messages count from `first` without wrapping; the wire carries the low 32 bits. Bounded by cost (payload + 64 bytes each).
 * @rule RES-9 RES-14 RES-15
 */
export class SendLog {
  #slabs: Slab[] = [];
  #sizes: Uint32Array; // Encoded size by number, a ring.
  #mask: number;
  #base: number; // Oldest message not acknowledged.
  #cursor: number; // Next message to put on the wire.
  #next: number; // Number the next message will get.
  #handed: number; // One past the newest message that ever went to a wire.
  #cost = 0; // Of everything not acknowledged.
  #unsentBytes = 0; // Encoded bytes from the cursor on.
  #sentCost = 0; // Cumulative cost of everything before the cursor, since the session began.
  #unaskedCost = 0; // Written since the last message that asked for its acknowledgement.
  #limit = 0; // The peer's credit: `#sentCost` may not pass it.
  #slab = 0; // Index of the slab that holds the cursor,
  #at = 0; // and the cursor's place in it.
  #rest: Uint8Array | undefined; // The payload of a shared message whose head was polled last; it counts as sent.
  #fresh = 0; // Index of the first slab of this wire; older ones are not used again, an old wire might still be reading them.

  constructor(
    readonly codec: LogCodec,
    readonly pool: SlabPool,
    readonly bytesMax: number,
    first = 1,
    /** Once messages of this cost were written, the next one asks for its acknowledgement by itself. */
    readonly askEveryBytes = Infinity,
  ) {
    this.#sizes = NO_SIZES; // An idle session has none.
    this.#mask = -1;
    this.#base = this.#cursor = this.#next = this.#handed = first;
  }

  get base(): number {
    return this.#base;
  }
  get next(): number {
    return this.#next;
  }
  /** One past the newest message that any wire was given: from here on nothing can have arrived. */
  get handed(): number {
    return this.#handed;
  }
  /** The next message to put on the wire. */
  get cursor(): number {
    return this.#cursor;
  }
  get count(): number {
    return this.#next - this.#base;
  }
  get costBytes(): number {
    return this.#cost;
  }
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  hasRoomFor(payloadBytes: number): boolean {
    return this.#cost + payloadBytes + MESSAGE_COST_BYTES <= this.bytesMax;
  }

  /** Takes a message over; the caller's buffer is free again, unless it is shared and never changes. Throws when the bound would be passed. */
  push(payload: Uint8Array, prompt: boolean, isShared = false): void {
    const cost = payload.length + MESSAGE_COST_BYTES;
    if (this.#cost + cost > this.bytesMax)
      throw new SessionError(
        'queue-full',
        `${this.#cost} of ${this.bytesMax} bytes are queued; wait for drained() before writing more`,
      );
    const size = this.codec.dataHeadBytes + payload.length;
    this.#unaskedCost += cost;
    const asks = prompt || this.#unaskedCost >= this.askEveryBytes;
    if (asks) this.#unaskedCost = 0;
    if (isShared && payload.length >= SHARED_BYTES_MIN && this.codec.putDataHead !== undefined)
      this.#slabs.push({ bytes: payload, used: size, first: this.#next, shared: asks ? 'prompt' : 'bulk' });
    else {
      let slab = this.#slabs[this.#slabs.length - 1]; // A shared one is never large enough.
      if (slab === undefined || slab.used + size > slab.bytes.length || this.#slabs.length - 1 < this.#fresh)
        slab = this.#append(size);
      this.codec.putData(slab.bytes, slab.used, this.#next, payload, asks);
      slab.used += size;
    }
    if (this.#next - this.#base > this.#mask) this.#grow();
    this.#sizes[this.#next & this.#mask] = size;
    this.#next++;
    this.#cost += cost;
    this.#unsentBytes += size;
  }

  /** Whether half a frame was polled: nothing may come before the rest of it. */
  get isMidFrame(): boolean {
    return this.#rest !== undefined;
  }

  /**
   * The next frames for the wire, as many as lie side by side, credit allows, and `bytesMax` holds; one of them at least. Of a shared message
   * head and payload come one by one.
   */
  poll(bytesMax = Infinity): Uint8Array | undefined {
    if (this.#rest !== undefined) {
      const rest = this.#rest;
      this.#rest = undefined;
      return rest;
    }
    if (this.#cursor === this.#next) return undefined;
    let slab = this.#slabs[this.#slab]!;
    if (this.#at === slab.used && this.#slab + 1 < this.#slabs.length) {
      slab = this.#slabs[++this.#slab]!;
      this.#at = 0;
    }
    const head = this.codec.dataHeadBytes;
    let end = this.#at;
    let cursor = this.#cursor;
    let sent = this.#sentCost;
    for (; end < slab.used; cursor++) {
      const size = this.#sizes[cursor & this.#mask]!;
      const cost = size - head + MESSAGE_COST_BYTES;
      if (sent + cost > this.#limit || (end > this.#at && end + size - this.#at > bytesMax)) break;
      sent += cost;
      end += size;
    }
    if (end === this.#at) return undefined;
    const view = slab.shared === 'no' ? slab.bytes.subarray(this.#at, end) : this.#pollShared(slab);
    this.#unsentBytes -= end - this.#at;
    this.#at = end;
    this.#cursor = cursor;
    this.#sentCost = sent;
    if (cursor > this.#handed) this.#handed = cursor;
    return view;
  }

  /** Releases everything before `number`. False: it was never sent, or lies behind what was acknowledged before. */
  ackBefore(number: number): boolean {
    if (number < this.#base || number > this.#handed) return false;
    if (number > this.#cursor) this.#skipTo(number);
    const head = this.codec.dataHeadBytes;
    for (; this.#base < number; this.#base++) this.#cost -= this.#sizes[this.#base & this.#mask]! - head + MESSAGE_COST_BYTES;
    this.#release();
    return true;
  }

  /** A new wire: everything from the oldest unacknowledged message on is to be sent again. */
  rewind(): void {
    const head = this.codec.dataHeadBytes;
    for (let n = this.#base; n < this.#cursor; n++) this.#sentCost -= this.#sizes[n & this.#mask]! - head + MESSAGE_COST_BYTES;
    this.#cursor = this.#base;
    this.#rest = undefined;
    this.#slab = 0;
    this.#at = this.#offsetOf(this.#base);
    this.#unsentBytes = -this.#at;
    for (const slab of this.#slabs) this.#unsentBytes += slab.used;
    this.#fresh = this.#slabs.length;
  }

  /** Messages from `number` on that went out on this wire first were provably not accepted: the peer had no right to accept them. */
  retract(number: number): void {
    this.#handed = Math.max(this.#base, Math.min(this.#handed, number));
  }

  /** The peer's cumulative credit, 48 bits of it on the wire. It never shrinks. */
  grant(limit: number): void {
    if (limit > this.#limit) this.#limit = limit;
  }

  /** The session is over. */
  clear(): void {
    this.#slabs.length = 0;
    this.#rest = undefined;
    this.#sizes = NO_SIZES;
    this.#mask = -1;
    this.#base = this.#cursor = this.#next;
    this.#cost = this.#unsentBytes = this.#slab = this.#at = 0;
  }

  #pollShared({ bytes, first, shared }: Slab): Uint8Array {
    const head = new Uint8Array(this.codec.dataHeadBytes);
    this.codec.putDataHead!(head, 0, first, bytes.length, shared === 'prompt');
    this.#rest = bytes;
    return head;
  }

  /** A lone message gets a small slab, so that one for each of a thousand sessions is no heap of memory; a stream gets large ones. */
  #append(size: number): Slab {
    const wanted = this.#cost < 2 << 10 ? 0 : this.#cost < 16 << 10 ? 16 << 10 : this.#cost < 128 << 10 ? 64 << 10 : 256 << 10;
    const slab: Slab = { bytes: this.pool.get(Math.max(size, wanted)), used: 0, first: this.#next, shared: 'no' };
    this.#slabs.push(slab);
    return slab;
  }

  #grow(): void {
    const sizes = new Uint32Array(Math.max(16, (this.#mask + 1) * 2));
    const mask = sizes.length - 1;
    for (let n = this.#base; n < this.#next; n++) sizes[n & mask] = this.#sizes[n & this.#mask]!;
    this.#sizes = sizes;
    this.#mask = mask;
  }

  /** The peer already has what this wire was still going to repeat. */
  #skipTo(number: number): void {
    const head = this.codec.dataHeadBytes;
    for (; this.#cursor < number; this.#cursor++) {
      const size = this.#sizes[this.#cursor & this.#mask]!;
      if (this.#at === this.#slabs[this.#slab]!.used) {
        this.#slab++;
        this.#at = 0;
      }
      this.#at += size;
      this.#unsentBytes -= size;
      this.#sentCost += size - head + MESSAGE_COST_BYTES;
    }
  }

  #release(): void {
    while (this.#slabs.length > 0) {
      const second = this.#slabs[1];
      const done = second === undefined ? this.#base === this.#next : second.first <= this.#base;
      if (!done) return;
      const slab = this.#slabs.shift()!;
      if (this.#fresh > 0) this.#fresh--;
      else if (slab.shared === 'no') this.pool.put(slab.bytes);
      if (this.#slab > 0) this.#slab--;
      else this.#at = 0;
    }
  }

  /** Where in the first slab a message begins; counted from its end, because sizes of released messages are gone. */
  #offsetOf(number: number): number {
    const slab = this.#slabs[0];
    if (slab === undefined) return 0;
    let at = slab.used;
    const end = this.#slabs[1]?.first ?? this.#next;
    for (let n = end - 1; n >= number; n--) at -= this.#sizes[n & this.#mask]!;
    return at;
  }
}
