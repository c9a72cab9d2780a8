import { poolCodec as codec } from '../../adapters/pool/codec.js';
import { PoolPlane } from '../../machines/pool/pool.plane.js';
import type { PoolPlaneInput, PoolSignal } from '../../machines/pool/pool.signals.js';
import { POOL_LIMITS, type PoolLimits } from '../../machines/pool/pool.timing.js';

export const HERE = 'a'.repeat(64);
export const THERE = 'b'.repeat(64);
export const handshake = { versionMin: 1, versionMax: 1, id: THERE, isInquiry: false };
export const hello = codec.putHello('hello', handshake);
export const welcome = codec.putHello('welcome', handshake);
export const ping = (n: number): Uint8Array => codec.putNumber('ping', n);
export const pong = codec.putNumber('pong', 1);
export const goodbye = codec.putGoodbye({ code: 'closed', afterMs: 0 });
export const data = (payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(4 + payload.length);
  codec.putDataHead(frame, 0, payload.length);
  frame.set(payload, 4);
  return frame;
};

/** A plane with a wire, and what comes of what it hears. */
export class Rig {
  readonly plane: PoolPlane;
  readonly signals: PoolSignal[] = [];
  readonly got: number[][] = [];
  now = 0;

  constructor(seed: Partial<PoolPlaneInput> = {}, limits: Partial<PoolLimits> = {}) {
    this.plane = new PoolPlane({
      role: 'dialer',
      codec,
      localId: HERE,
      peer: THERE,
      isBare: false,
      isProven: false,
      ...seed,
      limits: { ...POOL_LIMITS, ...limits },
    });
    this.plane.attach(0, 0);
  }

  /** As it is once hellos were exchanged. */
  static open(limits: Partial<PoolLimits> = {}, seed: Partial<PoolPlaneInput> = {}): Rig {
    const rig = new Rig(seed, limits);
    if (!rig.plane.input.isBare) {
      rig.plane.sendHello();
      rig.hear(rig.plane.input.role === 'dialer' ? welcome : hello);
    }
    rig.plane.open(rig.now);
    rig.said();
    rig.signals.length = 0;
    return rig;
  }

  hear(...frames: Uint8Array[]): this {
    this.plane.handleBytes(0, new Uint8Array(Buffer.concat(frames)), false);
    return this.read();
  }

  read(): this {
    for (let step; (step = this.plane.step(this.now)) !== 'idle';) {
      if (step === 'message') this.got.push([...this.plane.pollMessage()!]);
      this.#collect();
    }
    this.#collect();
    return this;
  }

  /** Kinds of what leaves now; data as its payload. */
  said(): string[] {
    const bytes: Uint8Array[] = [];
    for (let each; (each = this.plane.pollTransmit(0, this.now)) !== undefined;) bytes.push(each);
    this.#collect();
    const all = Buffer.concat(bytes);
    const kinds: string[] = [];
    for (let at = 0; at < all.length;) {
      const end = at + codec.frameBytes(all, at);
      const kind = codec.kind(all, at, end);
      kinds.push(
        kind === 'data'
          ? `data ${[...all.subarray(at + 4, end)].join()}`
          : kind === 'pong'
            ? `pong ${codec.number(all, at, end)!}`
            : kind === 'fault'
              ? `fault ${codec.fault(all, at, end)!.code} ${codec.fault(all, at, end)!.rule}`
              : kind,
      );
      at = end;
    }
    return kinds;
  }

  /** Time passes; the timer fires whenever the plane has asked for it, and whatever is to be said leaves if `isWritable`. */
  live(ms: number, isWritable = true): string[] {
    const until = this.now + ms;
    const said: string[] = [];
    for (let at; (at = this.plane.nextTimeout()) !== undefined && at <= until;) {
      this.now = Math.max(this.now, at);
      this.plane.handleTimeout(this.now);
      this.#collect();
      if (isWritable) said.push(...this.said());
    }
    this.now = until;
    return said;
  }

  get story(): string[] {
    return this.signals.map((each) => ('fault' in each ? `${each.type} ${each.fault.code} ${each.fault.rule}` : each.type));
  }

  #collect(): void {
    for (let signal; (signal = this.plane.pollSignal()) !== undefined;) this.signals.push(signal);
  }
}
