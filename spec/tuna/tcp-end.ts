import { ncpCodec } from '../../adapters/tuna/codec.js';
import { PlainEnvelope } from '../../adapters/tuna/envelope.js';
import { clock } from '../../adapters/node.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import { Pump } from '../../machines/dataplane/pump.js';
import { WireEnd } from '../../machines/dataplane/wire-end.js';
import type { Listening, Opener, Wire, WireHandler } from '../../machines/ports.js';
import { TunaPlane, type TunaSignal } from '../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from '../../machines/tuna/tuna.timing.js';
import { tcp } from '../../transports/tcp.js';

/**
 * A real plane with its pump on real TCP sockets, without charts: packets in plain frames, the first byte on each socket is the
 * number of its link. The test dials, cuts and dials again.
 */
export class TcpEnd {
  readonly plane: TunaPlane;
  readonly pump: Pump<Uint8Array, TunaSignal>;
  readonly signals: TunaSignal[] = [];
  onData: ((bytes: Uint8Array) => void) | undefined;
  onRoom: (() => void) | undefined;
  /** A dialed link ended and was to be there. */
  onLost: ((link: number) => void) | undefined;
  onSignal: ((signal: TunaSignal) => void) | undefined;
  rejoinsMs: number[] = [];
  #wires = new Map<number, Wire>();
  #listening: Listening | undefined;
  #lostAt = new Map<number, number>();
  #isOver = false;

  constructor(
    readonly role: 'dialer' | 'acceptor',
    readonly links: number,
    limits: Partial<TunaLimits> = {},
  ) {
    this.plane = new TunaPlane({
      role,
      codec: ncpCodec,
      limits: { ...TUNA_LIMITS, ...limits },
      pool: new SlabPool(),
      links,
      clientIds: Array.from({ length: links }, (_, i) => String(i)),
      envelope: new PlainEnvelope(),
      opening: (link) => (role === 'dialer' ? Uint8Array.of(link) : undefined),
      openingFrames: 0,
    });
    this.pump = new Pump(this.plane, clock, {
      deliver: (bytes) => this.onData?.(bytes),
      settled: () => this.onRoom?.(),
    });
    this.pump.bind({
      send: (signal) => {
        this.signals.push(signal);
        // Wires are never ended from inside a call of theirs.
        if (signal.type === 'link.silent' || signal.type === 'link.corrupt') clock.soon(() => this.cut(signal.link));
        this.onSignal?.(signal);
      },
    });
    this.plane.open();
  }

  /** Dials every link and says who it is; links that end are dialed again until `stop`. */
  dial(port: number): Promise<void> {
    this.onLost = (link) => this.#dialLink(port, link);
    for (let link = 0; link < this.links; link++) this.#dialLink(port, link);
    this.plane.call(clock.now());
    return this.established();
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#listening = tcp().listen('tcp://127.0.0.1:0', {
        onListening: (address) => resolve(Number(/\d+$/.exec(address)![0])),
        onOffer: (offer) => this.#carry(offer.open, undefined),
        onFailed: () => {},
      });
    });
  }

  established(): Promise<void> {
    if (this.plane.ncp.isEstablished) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.onSignal;
      this.onSignal = (signal) => {
        before?.(signal);
        if (signal.type === 'handshake.done') resolve();
      };
    });
  }

  cut(link: number): boolean {
    const wire = this.#wires.get(link);
    wire?.destroy();
    return wire !== undefined;
  }

  stop(): void {
    this.#isOver = true;
    this.#listening?.close();
    this.pump.stop();
    for (const wire of this.#wires.values()) wire.destroy();
  }

  #dialLink(port: number, link: number): void {
    this.#carry(tcp().dial(`tcp://127.0.0.1:${port}`), link);
  }

  #carry(open: Opener, dialed: number | undefined): void {
    let end: WireEnd | undefined;
    let wire: Wire | undefined;
    let link = dialed;
    const attach = (at: number, to: Wire): void => {
      link = at;
      this.#wires.set(at, to);
      end = new WireEnd(at);
      this.pump.attach(end, to);
      this.pump.flush();
    };
    const handler: WireHandler = {
      onOpen: (opened) => {
        wire = opened;
        if (dialed !== undefined) attach(dialed, opened);
        const lostAt = dialed === undefined ? undefined : this.#lostAt.get(dialed);
        if (lostAt !== undefined) this.rejoinsMs.push(clock.now() - lostAt);
      },
      onBytes: (bytes) => {
        if (end !== undefined) return end.onBytes(bytes);
        attach(bytes[0]!, wire!);
        if (bytes.length > 1) end!.onBytes(bytes.subarray(1));
      },
      onDrain: () => end?.onDrain(),
      onProbeAnswer: () => end?.onProbeAnswer(),
      onClose: () => {
        end?.onClose({ kind: 'ended' });
        if (link !== undefined && this.#wires.get(link) === wire) this.#wires.delete(link);
        if (dialed === undefined || this.#isOver) return;
        this.#lostAt.set(dialed, clock.now());
        clock.setTimeout(() => !this.#isOver && this.onLost?.(dialed), 5);
      },
    };
    open(handler);
  }
}
