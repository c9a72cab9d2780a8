import { ncpCodec } from '../../adapters/tuna/codec.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import type { NcpSessionInput, NcpSignal } from '../../machines/tuna/ncp.seed.js';
import { NcpSession } from '../../machines/tuna/ncp.session.js';
import { NCP_LIMITS, type NcpLimits } from '../../machines/tuna/tuna.timing.js';
import type { Clock } from '../../machines/ports.js';

export interface NcpEndOptions {
  readonly role: 'dialer' | 'acceptor';
  readonly clock: Clock;
  readonly links: number;
  readonly limits?: Partial<NcpLimits>;
  readonly first?: number;
  /** Takes a packet for a link; the bytes are the taker's. */
  readonly send: (link: number, packet: Uint8Array) => void;
  readonly onData?: (bytes: Uint8Array) => void;
}

/** What a chunk from a busy socket holds. */
const MORE_BYTES = 64 << 10;

/** An NCP session with bare packets: no frames, no boxes, no charts. What drives it is what a plane and its pump do. */
export class NcpEnd {
  readonly session: NcpSession;
  readonly signals: NcpSignal[] = [];
  received = 0;
  onData: ((bytes: Uint8Array) => void) | undefined;
  onRoom: (() => void) | undefined;
  #scratch = new Uint8Array(70_000);
  #timer: unknown;
  #timerAt = Infinity;
  #busy = false;
  #again = false;
  #gathering = false;
  isStopped = false;

  constructor(readonly options: NcpEndOptions) {
    const limits: NcpLimits = { ...NCP_LIMITS, ...options.limits };
    const seed: NcpSessionInput = {
      role: options.role,
      codec: ncpCodec,
      limits,
      pool: new SlabPool(),
      links: options.links,
      clientIds: Array.from({ length: options.links }, (_, i) => String(i)),
      ...(options.first === undefined ? {} : { first: options.first }),
    };
    this.session = new NcpSession(seed);
    this.session.inbound.open();
    this.onData = options.onData;
  }

  get isEstablished(): boolean {
    return this.session.isEstablished;
  }

  attach(link: number): void {
    this.session.attach(link, this.options.clock.now());
    this.flush();
  }

  attachAll(): void {
    for (let i = 0; i < this.options.links; i++) this.attach(i);
  }

  detach(link: number): void {
    this.session.detach(link, this.options.clock.now());
    this.flush();
  }

  call(): void {
    this.session.call(this.options.clock.now());
    this.flush();
  }

  write(bytes: Uint8Array): void {
    this.session.outbound.write(bytes);
    if (this.#gathering) return;
    this.#gathering = true;
    this.options.clock.soon(() => {
      this.#gathering = false;
      this.flush();
    });
  }

  close(): void {
    this.session.close(this.options.clock.now());
    this.flush();
  }

  receive(link: number, packet: Uint8Array): boolean {
    if (this.isStopped || !this.session.links[link]!.isAttached) return true;
    // More may follow in this turn, at whose end all of it is delivered.
    const isGood = this.session.receive(link, packet, 0, packet.length, this.options.clock.now(), MORE_BYTES);
    this.signals.push(...this.session.signals.splice(0));
    this.#gather();
    return isGood;
  }

  flush(): void {
    if (this.isStopped) return;
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#again) {
      this.#again = false;
      this.#deliver();
      const now = this.options.clock.now();
      for (let link = 0; link < this.options.links; link++) {
        for (let runs = 0; runs < 50; runs++) {
          const end = this.session.put(link, now, this.#scratch, 0, this.#scratch.length);
          if (end === 0) break;
          this.options.send(link, this.#scratch.slice(0, end));
          if (runs === 49) this.#gather(); // The other links get their turn.
        }
      }
    }
    this.#busy = false;
    this.#arm();
    this.onRoom?.();
  }

  stop(): void {
    this.isStopped = true;
    this.options.clock.clearTimeout(this.#timer);
  }

  /** Once per turn, as a pump does at the end of a chunk. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.options.clock.soon(() => {
      this.#gathering = false;
      this.flush();
    });
  }

  #deliver(): void {
    for (let bytes; (bytes = this.session.inbound.poll()) !== undefined;) {
      this.received += bytes.length;
      this.onData?.(bytes);
    }
    this.signals.push(...this.session.signals.splice(0));
  }

  #arm(): void {
    const at = this.session.nextTimeout();
    if (at === undefined || at >= this.#timerAt) return;
    this.options.clock.clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = this.options.clock.setTimeout(
      () => {
        this.#timerAt = Infinity;
        if (this.isStopped) return;
        this.session.handleTimeout(this.options.clock.now());
        this.flush();
      },
      Math.max(0, at - this.options.clock.now()),
    );
  }
}
