import type {
  Acceptor,
  DialOptions,
  Listening,
  Offer,
  Opener,
  Transport,
  Wire,
  WireCause,
  WireHandler,
} from '../../machines/ports.js';

/**
 * Watches one test's wires. Everything a transport calls goes through here, so the rules that hold at all times are
 * checked all the time: no call from inside a call, `onOpen` at most once and first, `onClose` exactly once and last.
 */
export class Witness {
  /** Broken rules, in the order they were seen. */
  readonly complaints: string[] = [];
  readonly #ends: End[] = [];
  readonly #listenings: Listening[] = [];
  #depth = 0;
  #wakers: (() => void)[] = [];

  constructor(readonly dialer: Transport) {}

  /** Calls into the transport, and notices if it calls back before it returns. */
  inside<Result>(call: () => Result): Result {
    this.#depth++;
    try {
      return call();
    } finally {
      this.#depth--;
    }
  }

  /** To be called first by everything a transport calls. */
  heard(what: string): void {
    if (this.#depth > 0) this.complaints.push(`${what} was called from inside a call of ours`);
    // Whoever waits looks again once this call is over.
    queueMicrotask(() => {
      for (const wake of this.#wakers.splice(0)) wake();
    });
  }

  /** Waits for events, never for time: the claim is looked at whenever a transport has called. */
  async until(claim: () => boolean): Promise<void> {
    while (!claim()) await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  dial(address: string, script: Script = {}, options?: DialOptions): End {
    const end = new End(this, 'dialer', script);
    const opener = this.inside(() => (options ? this.dialer.dial(address, options) : this.dialer.dial(address)));
    end.start(opener);
    this.#ends.push(end);
    return end;
  }

  /** Opens an offer. */
  accept(offer: Offer, script: Script = {}): End {
    const end = new End(this, 'acceptor', script);
    this.#ends.push(end);
    end.start(offer.open);
    return end;
  }

  listen(transport: Transport, address: string, onOffer: (offer: Offer) => void): Listener {
    const listener: Listener = { address: '', failed: undefined, listening: { close: () => {} } };
    const acceptor: Acceptor = {
      onListening: (bound) => {
        this.heard('onListening');
        listener.address = bound;
      },
      onOffer: (offer) => {
        this.heard('onOffer');
        onOffer(offer);
      },
      onFailed: (cause) => {
        this.heard('onFailed');
        listener.failed = cause;
      },
    };
    const listening = this.inside(() => transport.listen(address, acceptor));
    listener.listening = {
      close: (done) =>
        this.inside(() =>
          listening.close(() => {
            this.heard('done');
            done?.();
          }),
        ),
    };
    this.#listenings.push(listener.listening);
    return listener;
  }

  /** Ends whatever is left, and waits until all have been told. */
  async sweep(): Promise<void> {
    for (const end of this.#ends) end.abort();
    let free = 0;
    for (const each of this.#listenings) each.close(() => free++);
    await this.until(() => free === this.#listenings.length && this.#ends.every((end) => end.causes.length > 0));
    await turns(5); // Long enough for a second onClose to show up.
  }
}

/** A listener of the transport under test, and what it was offered. */
export interface Listener {
  address: string;
  failed: WireCause | undefined;
  listening: Listening;
}

/** What an end does beyond recording. */
export interface Script {
  onOpen?(end: End): void;
  onBytes?(end: End, bytes: Uint8Array): void;
}

/** One end of a wire, played by the test. */
export class End implements WireHandler {
  readonly causes: WireCause[] = [];
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  drains = 0;
  probeAnswers = 0;
  #wire: Wire | undefined;
  #abort: () => void = () => {};

  constructor(
    readonly witness: Witness,
    readonly role: string,
    readonly script: Script,
  ) {}

  start(opener: Opener): void {
    const abort = this.witness.inside(() => opener(this));
    this.#abort = () => this.witness.inside(abort);
  }

  abort(): void {
    this.#abort();
  }

  get isOpen(): boolean {
    return this.#wire !== undefined && this.causes.length === 0;
  }

  get wire(): Wire {
    if (!this.#wire) throw new Error(`the ${this.role}'s wire has not opened`);
    return this.#wire;
  }

  get cause(): WireCause | undefined {
    return this.causes[0];
  }

  send(bytes: Uint8Array): boolean {
    return this.witness.inside(() => this.wire.send(bytes));
  }

  /** Sends all of it and waits for `onDrain` whenever it is told to; returns once the last piece was accepted. */
  async pour(bytes: Uint8Array, pieceBytes = 64 * 1024): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const { drains } = this;
      if (!this.send(bytes.subarray(at, at + pieceBytes))) await this.witness.until(() => this.drains > drains || !this.isOpen);
    }
  }

  call(method: 'cork' | 'uncork' | 'close' | 'destroy' | 'pause' | 'resume'): void {
    this.witness.inside(() => this.wire[method]());
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  async got(bytes: number): Promise<Buffer> {
    await this.witness.until(() => this.receivedBytes >= bytes || this.causes.length > 0);
    return this.received;
  }

  async opened(): Promise<this> {
    await this.witness.until(() => this.#wire !== undefined || this.causes.length > 0);
    if (!this.#wire) throw new Error(`the ${this.role}'s wire closed instead of opening: ${JSON.stringify(this.cause)}`);
    return this;
  }

  async closed(): Promise<WireCause> {
    await this.witness.until(() => this.causes.length > 0);
    return this.causes[0]!;
  }

  onOpen(wire: Wire): void {
    this.#heard('onOpen');
    if (this.#wire) this.#complain('onOpen came twice');
    this.#wire = wire;
    this.script.onOpen?.(this);
  }

  onBytes(bytes: Uint8Array): void {
    this.#heard('onBytes');
    if (!this.#wire) this.#complain('onBytes came before onOpen');
    if (bytes.length === 0) this.#complain('onBytes came with nothing');
    this.chunks.push(new Uint8Array(bytes)); // A Buffer's slice would be no copy.
    this.receivedBytes += bytes.length;
    // What is given away may be written over; nobody else may notice.
    if (this.#wire?.lends === false) bytes.fill(0xee);
    this.script.onBytes?.(this, bytes);
  }

  onDrain(): void {
    this.#heard('onDrain');
    this.drains++;
  }

  onProbeAnswer(): void {
    this.#heard('onProbeAnswer');
    this.probeAnswers++;
  }

  onClose(cause: WireCause): void {
    this.#heard('onClose');
    this.causes.push(cause);
  }

  #heard(what: string): void {
    this.witness.heard(`${what} of the ${this.role}`);
    if (this.causes.length > 0) this.#complain(`${what} came after onClose`);
  }

  #complain(what: string): void {
    this.witness.complaints.push(`${what} (${this.role})`);
  }
}

/** Lets the event loop go round: nothing that is due stays undone, and no time is waited for. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
