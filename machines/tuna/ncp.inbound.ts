/** The result of a data packet: new, a duplicate, further ahead than there is room for, or beyond the window. */
export type Arrival = 'new' | 'duplicate' | 'far' | 'over-window';

const SLOTS_PER_BLOCK = 48;
/** The largest delivery of a stream. */
const DELIVERY_BYTES_MAX = 64 << 10;

/**
 * Data packets on their way into order. One that comes in order goes straight to the application's bytes; one that comes early
 * waits in a slot of its own, at most `packetsMax` ahead, so that whatever a peer sends memory is bounded by
 * `packetsMax` × `mtu` and by the window. Packets are counted from 0 without wrapping.
 * @rule NCP-6 NCP-10
 */
export class Inbound {
  /** The next packet in order. */
  base = 0;
  /** Bytes that came in, each once, and bytes given out by `poll`. Bytes that are ready for `poll` are not read yet. */
  received = 0;
  delivered = 0;
  /** Nothing is handed over before the session is open. */
  isOpen = false;
  #read = 0; // Never shrinks.
  #backlogBytes = 0; // Handed over, and not yet taken by the application.
  #waiting = 0; // Packets in slots.
  #present: Uint8Array;
  #lengths: Uint32Array;
  #blocks: (Uint8Array | undefined)[];
  #filled: Uint8Array; // Packets in each block.
  #spare: Uint8Array | undefined;
  #out: Uint8Array | undefined; // Being filled for the application,
  #outStart = 0; // from here
  #outEnd = 0; // to here.
  #ready: Uint8Array[] = [];
  #readyHead = 0;

  constructor(
    readonly isStream: boolean,
    public packetsMax: number,
    readonly windowBytes: number,
    /** The largest packet that may come early. */
    public mtu: number,
  ) {
    this.#present = new Uint8Array(0);
    this.#lengths = new Uint32Array(0);
    this.#blocks = [];
    this.#filled = new Uint8Array(0);
  }

  /** Bytes that the application has read since the session began. */
  get bytesRead(): number {
    const read = this.delivered - this.#backlogBytes;
    if (read > this.#read) this.#read = read;
    return this.#read;
  }
  /** Whether packets wait for one that is missing. */
  get hasGap(): boolean {
    return this.#waiting > 0;
  }
  get waiting(): number {
    return this.#waiting;
  }
  get hasDelivery(): boolean {
    return this.#readyHead < this.#ready.length || this.#outEnd > this.#outStart;
  }
  /** Bytes in order, in hand, that `poll` would give. */
  get deliveryBytes(): number {
    return this.#outEnd - this.#outStart;
  }
  /** Memory held for packets that came early. */
  get heldBytes(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block?.length ?? 0;
    return bytes;
  }

  /** Bytes that were handed over and lie with the application's reader. */
  holdBack(bytes: number): void {
    this.#backlogBytes = bytes;
  }

  /** The handshake has settled how large packets are, and so how many fill the window. Packets that came before it stay. */
  resize(packetsMax: number, mtu: number): void {
    if (packetsMax === this.packetsMax && mtu === this.mtu) return;
    const early: { n: number; bytes: Uint8Array }[] = [];
    for (let n = this.base; early.length < this.#waiting; n++) {
      if (!this.#isPresent(n)) continue;
      const at = n % this.packetsMax;
      const start = (at % SLOTS_PER_BLOCK) * this.mtu;
      const block = this.#blocks[Math.floor(at / SLOTS_PER_BLOCK)]!;
      early.push({ n, bytes: block.slice(start, start + this.#lengths[at]!) });
    }
    this.packetsMax = packetsMax;
    this.mtu = mtu;
    this.#present = new Uint8Array(0);
    this.#blocks = [];
    this.#spare = undefined;
    this.#waiting = 0;
    for (const { n, bytes } of early) {
      if (bytes.length <= mtu) this.#store(n, bytes, 0, bytes.length);
      else this.received -= bytes.length; // It was acknowledged, and more than both have agreed on: a peer that does so loses it.
    }
  }

  /** `more`: about how many bytes may follow at once, so that they get into one piece. */
  accept(n: number, bytes: Uint8Array, start: number, end: number, more: number): Arrival {
    if (n < this.base) return 'duplicate';
    if (n - this.base >= this.packetsMax) return 'far';
    const length = end - start;
    if (this.received + length - this.bytesRead > this.windowBytes) {
      return this.#isPresent(n) ? 'duplicate' : 'over-window';
    }
    if (n === this.base && this.isOpen) {
      if (this.#isPresent(n)) return 'duplicate'; // It came before the session was open.
      this.received += length;
      this.#append(bytes, start, length, more);
      this.base++;
      if (this.#waiting > 0) this.#drain();
      return 'new';
    }
    if (this.#isPresent(n)) return 'duplicate';
    if (length > this.mtu) return 'far'; // More than both sides have agreed on; in its turn it is taken.
    this.received += length;
    this.#store(n, bytes, start, length);
    return 'new';
  }

  /** The session is open: what came before that is handed over. */
  open(): void {
    this.isOpen = true;
    if (this.#waiting > 0) this.#drain();
  }

  /** Bytes in order for the application, a packet's where each is a message. They belong to the receiver. */
  poll(): Uint8Array | undefined {
    if (this.#readyHead < this.#ready.length) {
      const ready = this.#ready[this.#readyHead++]!;
      this.delivered += ready.length;
      if (this.#readyHead === this.#ready.length) {
        this.#ready = [];
        this.#readyHead = 0;
      }
      return ready;
    }
    if (this.#outEnd === this.#outStart) return undefined;
    const view = this.#out!.subarray(this.#outStart, this.#outEnd);
    this.#outStart = this.#outEnd;
    this.delivered += view.length;
    if (this.#out!.length - this.#outEnd < this.mtu) this.#out = undefined;
    return view;
  }

  /** Nothing is half written: an idle session keeps no buffer. */
  rest(): void {
    if (this.#outEnd === this.#outStart) this.#out = undefined;
  }

  #isPresent(n: number): boolean {
    return this.#waiting > 0 && this.#present[n % this.packetsMax] === 1;
  }

  #append(bytes: Uint8Array, start: number, length: number, more: number): void {
    if (!this.isStream) {
      this.#ready.push(new Uint8Array(bytes.subarray(start, start + length)));
      return;
    }
    if (this.#out === undefined || this.#out.length - this.#outEnd < length) {
      if (this.#out !== undefined && this.#outEnd > this.#outStart)
        this.#ready.push(this.#out.subarray(this.#outStart, this.#outEnd));
      this.#out = new Uint8Array(Math.max(length, Math.min(more, DELIVERY_BYTES_MAX)));
      this.#outStart = this.#outEnd = 0;
    }
    this.#out.set(bytes.subarray(start, start + length), this.#outEnd);
    this.#outEnd += length;
  }

  /** Appends the packets that waited for the one that has come. */
  #drain(): void {
    for (let i; this.#present[(i = this.base % this.packetsMax)] === 1; this.base++) {
      this.#present[i] = 0;
      this.#waiting--;
      const index = Math.floor(i / SLOTS_PER_BLOCK);
      const block = this.#blocks[index]!;
      this.#append(block, (i % SLOTS_PER_BLOCK) * this.mtu, this.#lengths[i]!, this.#waiting * this.mtu);
      if (--this.#filled[index]! === 0) {
        this.#spare = block;
        this.#blocks[index] = undefined;
      }
      if (this.#waiting === 0) {
        this.base++;
        this.#spare = undefined;
        return;
      }
    }
  }

  #store(n: number, bytes: Uint8Array, start: number, length: number): void {
    if (this.#present.length === 0) {
      this.#present = new Uint8Array(this.packetsMax);
      this.#lengths = new Uint32Array(this.packetsMax);
      this.#filled = new Uint8Array(Math.ceil(this.packetsMax / SLOTS_PER_BLOCK));
    }
    const i = n % this.packetsMax;
    const index = Math.floor(i / SLOTS_PER_BLOCK);
    const block = (this.#blocks[index] ??= this.#spare ?? new Uint8Array(SLOTS_PER_BLOCK * this.mtu));
    if (block === this.#spare) this.#spare = undefined;
    block.set(bytes.subarray(start, start + length), (i % SLOTS_PER_BLOCK) * this.mtu);
    this.#filled[index]!++;
    this.#present[i] = 1;
    this.#lengths[i] = length;
    this.#waiting++;
  }
}
