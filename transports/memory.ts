import type { Acceptor, Clock, Listening, Opener, Refusal, Transport, Wire, WireCause, WireHandler } from '../machines/ports.js';
import { SessionError } from '../machines/errors.js';
import { step } from '../machines/phase-table.js';
import { WIRE_PHASES, type WirePhase } from '../machines/wire-phases.js';
import { badAddress } from './address.js';
import { checked, MEMORY_RULES } from './checked.js';

/** The delays and the limits of two ends in one process. */
export interface MemoryOptions {
  /** Decides when things happen: nothing arrives before the turn that sent it is over. */
  readonly clock: Pick<Clock, 'soon' | 'setTimeout' | 'clearTimeout'>;
  /** `send` returns false while this many bytes wait for the other end. Default 64 KiB, as large as a socket's. */
  readonly highWaterBytes?: number;
  /** A wire whose writer ignores backpressure and lets more than this wait is reset (`ENOBUFS`). Default 64 MiB. */
  readonly bufferedBytesMax?: number;
  /** True: chunks arrive in one reused buffer of 64 KiB, as from a dialed socket. Default false: they are given away. */
  readonly lends?: boolean;
}

/** Small pieces sent under a cork become one chunk up to this size. */
const MERGED_BYTES_MAX = 16 * 1024;
const LENT_BYTES = 64 * 1024;
/**
 * `soon` runs before timers and sockets, so two busy ends would starve the rest of the process: at times they wait for a timer.
 */
const BREATH_BYTES = 1 << 20;
const BREATH_DELIVERIES = 1024;

type Settings = Required<MemoryOptions>;
type MemoryListener = (dialer: Pipe) => void;

/**
 * A network inside one process. Each call makes a new one: `memory://name` is visible to users of the same result.
 * It behaves as sockets do (late answers, high-water mark, end after the bytes, reset) without the system's help.
 *
 * @throws SessionError `bad-option` without a clock
 */
export function memory(options: MemoryOptions): Transport {
  if (typeof (options as Partial<MemoryOptions> | undefined)?.clock?.soon !== 'function')
    throw new SessionError('bad-option', 'memory.clock: expected a clock, whose time the two ends live in');
  checked('memory', MEMORY_RULES, options);
  const settings = { highWaterBytes: 64 * 1024, bufferedBytesMax: 64 << 20, lends: false, ...options };
  const listeners = new Map<string, MemoryListener>();
  return {
    name: 'memory',
    schemes: ['memory'],
    boundaries: 'stream',
    secure: true,
    dial: (address) => dialing(settings, listeners, nameIn(address)),
    listen: (address, acceptor) => listening(settings, listeners, nameIn(address), acceptor),
  };
}

function nameIn(address: string): string {
  const name = /^memory:\/\/([^\s/?#]{1,200})\/?$/.exec(address)?.[1];
  if (name === undefined) throw badAddress(address, 'expected memory://name');
  return name;
}

function dialing(settings: Settings, listeners: ReadonlyMap<string, MemoryListener>, name: string): Opener {
  return (handler) => {
    const end = new Pipe(settings, `memory://${name}`);
    end.handler = handler;
    settings.clock.soon(() => {
      const listener = listeners.get(name);
      if (end.isClosed) return;
      if (listener) listener(end);
      else end.fail({ kind: 'refused', code: 'ECONNREFUSED' });
    });
    return () => end.destroy();
  };
}

function listening(settings: Settings, listeners: Map<string, MemoryListener>, name: string, acceptor: Acceptor): Listening {
  const { clock } = settings;
  let isOpen = true;
  const listener: MemoryListener = (dialer) => {
    const end = new Pipe(settings, `memory://${name}#dialer`);
    acceptor.onOffer({
      remoteAddress: end.remoteAddress,
      open: (handler) => {
        end.handler = handler;
        clock.soon(() => end.join(dialer));
        return () => end.destroy();
      },
      refuse: ({ code, retryAfterMs }: Refusal) => dialer.fail({ kind: 'refused', reason: code, retryAfterMs }),
    });
  };
  clock.soon(() => {
    if (!isOpen) return;
    if (listeners.has(name)) return acceptor.onFailed({ kind: 'refused', code: 'EADDRINUSE' });
    listeners.set(name, listener);
    acceptor.onListening(`memory://${name}`);
  });
  return {
    close(done) {
      isOpen = false;
      if (listeners.get(name) === listener) listeners.delete(name);
      if (done) clock.soon(done);
    },
  };
}

/** One end. Its sent bytes wait in `#outgoing` until the other end takes them in a later turn. */
class Pipe implements Wire {
  readonly lends: boolean;
  handler: WireHandler | undefined;
  #peer: Pipe | undefined;
  #phase: WirePhase = WIRE_PHASES.initial;

  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  #corks = 0;
  #corked: Uint8Array[] = [];
  #owesDrain = false;

  #isPaused = false;
  #isScheduled = false;
  #breath: unknown;
  #takenBytes = 0;
  #takenChunks = 0;

  constructor(
    readonly settings: Settings,
    readonly remoteAddress: string,
  ) {
    this.lends = settings.lends;
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  /** Called on the accepting end: opens both ends, unless one of them has closed meanwhile. */
  join(dialer: Pipe): void {
    if (this.isClosed) return dialer.fail({ kind: 'reset', code: 'ECONNRESET' });
    if (dialer.isClosed) return this.fail({ kind: 'reset', code: 'ECONNRESET' });
    this.#peer = dialer;
    dialer.#peer = this;
    for (const end of [this, dialer]) end.#phase = step(WIRE_PHASES, end.#phase, 'open');
    for (const end of [this, dialer]) this.settings.clock.soon(() => !end.isClosed && end.handler?.onOpen(end));
  }

  send(bytes: Uint8Array): boolean {
    if (this.#phase !== 'open') return false;
    if (bytes.length > 0) (this.#corks > 0 ? this.#corked : this.#outgoing).push(bytes);
    this.#outgoingBytes += bytes.length;
    if (this.#outgoingBytes > this.settings.bufferedBytesMax) {
      this.#cut({ kind: 'reset', code: 'ENOBUFS', reason: 'more was sent than may wait' });
      return false;
    }
    if (this.#corks === 0) this.#peer?.schedule();
    if (this.#outgoingBytes < this.settings.highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (this.#corks === 0 || --this.#corks > 0 || this.#corked.length === 0) return;
    const pieces = this.#corked;
    this.#corked = [];
    const total = pieces.reduce((sum, each) => sum + each.length, 0);
    if (total <= MERGED_BYTES_MAX) this.#outgoing.push(merged(pieces, total));
    else for (const each of pieces) this.#outgoing.push(each);
    this.#peer?.schedule();
  }

  close(): void {
    if (this.#phase !== 'open') return;
    this.#corks = Math.min(this.#corks, 1);
    this.uncork();
    this.#phase = step(WIRE_PHASES, this.#phase, 'close');
    this.#peer?.schedule();
    this.schedule(); // A paused reader that closes does not delay the other end's close.
  }

  destroy(): void {
    if (!this.isClosed) this.#cut({ kind: 'aborted' });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.schedule();
  }

  /** Closes this end alone; the handler gets `onClose` in a later turn. */
  fail(cause: WireCause): void {
    if (this.isClosed) return;
    this.#phase = step(WIRE_PHASES, this.#phase, 'end');
    this.#outgoing = [];
    this.#corked = [];
    this.#peer = undefined;
    if (this.#breath !== undefined) this.settings.clock.clearTimeout(this.#breath);
    const { handler } = this;
    this.handler = undefined;
    if (handler) this.settings.clock.soon(() => handler.onClose(cause));
  }

  #cut(cause: WireCause): void {
    this.#peer?.fail({ kind: 'reset', code: 'ECONNRESET' });
    this.fail(cause);
  }

  /** Takes the bytes of the other end, in a later turn; at most one call of `#take` is pending. */
  schedule(): void {
    if (this.#isScheduled || this.isClosed) return;
    this.#isScheduled = true;
    const { clock } = this.settings;
    if (this.#takenBytes < BREATH_BYTES && this.#takenChunks < BREATH_DELIVERIES) return clock.soon(this.#take);
    this.#takenBytes = this.#takenChunks = 0;
    this.#breath = clock.setTimeout(this.#take, 0);
  }

  #take = (): void => {
    this.#isScheduled = false;
    this.#breath = undefined;
    const peer = this.#peer;
    if (!peer) return;
    const chunks = peer.#outgoing;
    const count = chunks.length; // Bytes that are sent meanwhile have a turn of their own.
    let taken = 0;
    while (taken < count && this.#mayTake) {
      const chunk = chunks[taken]!;
      const part = this.lends && chunk.length > LENT_BYTES ? chunk.subarray(0, LENT_BYTES) : chunk;
      if (part === chunk) taken++;
      else chunks[taken] = chunk.subarray(LENT_BYTES);
      peer.#outgoingBytes -= part.length;
      this.#takenBytes += part.length;
      this.#takenChunks++;
      if (this.#phase === 'open') this.handler?.onBytes(this.#own(part));
    }
    chunks.splice(0, taken);
    if (this.isClosed || chunks.length > 0) return;
    if (peer.#phase === 'ending') {
      peer.fail({ kind: 'aborted' });
      this.fail({ kind: this.#phase === 'ending' ? 'aborted' : 'ended' });
    } else if (peer.#owesDrain && peer.#outgoingBytes < this.settings.highWaterBytes) {
      peer.#owesDrain = false;
      peer.handler?.onDrain();
    }
  };

  /** A pause holds back bytes and the end behind them; an end that is closing itself ignores its pause. */
  get #mayTake(): boolean {
    return this.#phase === 'ending' || (this.#phase === 'open' && !this.#isPaused);
  }

  /** Copies the bytes: the sender may keep them to send them again, and the receiver may overwrite its chunk. */
  #own(part: Uint8Array): Uint8Array {
    if (!this.lends) return new Uint8Array(part); // A Buffer's `slice` would be no copy.
    lent.set(part);
    return lent.subarray(0, part.length);
  }
}

/** One buffer for all: a handler must not read a lent chunk after the call that brought it. */
const lent = new Uint8Array(LENT_BYTES);

function merged(pieces: readonly Uint8Array[], total: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const each of pieces) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}
