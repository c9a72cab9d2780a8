import type { SecureVersion, TLSSocket } from 'node:tls';
import { WebSocket, type RawData } from 'ws';
import { keyIdentifierOf, type OwnIdentity } from '../../adapters/identity/index.js';
import { bytesOf, cmi, messageOf, nameOf, type ShipMessage } from './ship-messages.js';

/** What came from the other side: a whole message, or the end. */
export type Received =
  | { readonly kind: 'message'; readonly message: ShipMessage; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** How the TLS and WebSocket layers behave. The defaults are those of an honest peer. */
export interface PeerOptions {
  /** Undefined shows no certificate (a dialer only). */
  readonly identity?: OwnIdentity | undefined;
  /** Default `ship`; an empty list offers or selects none. */
  readonly protocols?: readonly string[];
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
  /** Answer pings? Default true. */
  readonly autoPong?: boolean;
  /** Bytes per message that this side accepts. Default 32 MiB, so that the other side's limits are what is tested. */
  readonly bytesMax?: number;
}

export interface DialOptions extends PeerOptions {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `/ship/`. */
  readonly path?: string;
  /** A TLS session of an earlier peer (`session`), to resume it. */
  readonly session?: Buffer;
}

/** The other side said no before there was a WebSocket. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string | string[] | undefined>>,
    readonly body: string,
  ) {
    super(`the upgrade was refused: ${status} ${body}`);
  }
}

/** How long `next` and its kind wait, in milliseconds, before they fail. */
export const patienceMs = 10_000;

/** Messages that nobody has asked for; more is a fault of the test. */
const receivedMax = 100_000;

/**
 * One wire of a SHIP peer that does exactly what a test says, and nothing by itself except answering pings. What comes in waits
 * in order until it is asked for; after the close, `next` returns the close for ever.
 */
export class ScriptedPeer {
  /** The other side's SKI; undefined where it showed none. */
  readonly ski: string | undefined;
  readonly #socket: WebSocket;
  readonly #received: Received[] = [];
  #waiting: ((received: Received) => void) | undefined;
  #closed: Received | undefined;
  #sessions: Buffer[] = [];
  pings = 0;
  pongs = 0;

  /** @internal Peers come from `dialPeer`, and from a listener. */
  constructor(
    socket: WebSocket,
    readonly tls: TLSSocket,
    /** The side that dialled is the client. */
    readonly role: 'client' | 'server',
    /** The path that was asked for; of no account where this side dialled. */
    readonly path: string,
  ) {
    this.#socket = socket;
    const shown = tls.getPeerX509Certificate();
    this.ski = shown && keyIdentifierOf(shown.raw);
    socket.on('message', (raw, isBinary) => this.#take(receive(raw, isBinary)));
    socket.on('close', (code, reason) => this.#take({ kind: 'close', code, reason: reason.toString() }));
    socket.on('ping', () => this.pings++);
    socket.on('pong', () => this.pongs++);
    socket.on('error', () => {}); // Followed by `close`, which tells enough.
    tls.on('session', (session: Buffer) => this.#sessions.push(session));
  }

  /** The subprotocol agreed on; empty for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The newest TLS session, for `DialOptions.session`. A dialer of TLS 1.3 has it only after the first message. */
  get session(): Buffer | undefined {
    return this.#sessions.at(-1);
  }

  /** Sends as it should be. Resolves when the bytes have been handed to the system. */
  send(message: ShipMessage): Promise<void> {
    return this.sendBytes(bytesOf(message));
  }

  /** A binary message of any bytes, also of none. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#write(bytes, { binary: true, fin: true });
  }

  /** A text frame, which SHIP forbids. */
  sendText(text: string): Promise<void> {
    return this.#write(text, { binary: false, fin: true });
  }

  /** One message in frames of this size, as ship-go's client cuts those above 4096 bytes. `finish: false` leaves the end away. */
  async sendFragments(message: ShipMessage, frameBytes = 4096, finish = true): Promise<void> {
    const bytes = bytesOf(message);
    for (let at = 0; at < bytes.length; at += frameBytes) {
      const fin = finish && at + frameBytes >= bytes.length;
      await this.#write(bytes.subarray(at, at + frameBytes), { binary: true, fin });
    }
  }

  ping(): void {
    this.#socket.ping();
  }

  /** Stops reading, so that the other side feels backpressure; pings are not answered meanwhile. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the socket without a close frame. The other side sees 1006. */
  drop(): void {
    this.#socket.terminate();
  }

  /** Sends a close frame; `next` returns the close when the other side has answered. */
  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** What came next. Rejects after `withinMs`: a hanging test should say what it hangs on. */
  async next(withinMs = patienceMs, wanted = 'anything'): Promise<Received> {
    const waiting = this.#received.shift() ?? this.#closed;
    if (waiting) return waiting;
    if (this.#waiting) throw new Error('two at once wait for the next message');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Received>((resolve, reject) => {
        this.#waiting = resolve;
        timer = setTimeout(() => reject(new Error(`nothing came within ${withinMs} ms, but ${wanted} was expected`)), withinMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  /** The next message, which must have this name, as `connectionHello`, `data` or `cmi`. */
  async expectNamed(name: string, withinMs = patienceMs): Promise<ShipMessage> {
    const received = await this.next(withinMs, name);
    if (received.kind === 'message' && nameOf(received.message) === name) return received.message;
    throw new Error(`expected ${name}, got ${shown(received)}`);
  }

  /** The next message, which must be this one, byte for byte. */
  async expect(message: ShipMessage, withinMs = patienceMs): Promise<void> {
    const received = await this.next(withinMs, shownMessage(message));
    if (received.kind === 'message' && bytesOf(message).equals(received.bytes)) return;
    throw new Error(`expected ${shownMessage(message)}, got ${shown(received)}`);
  }

  expectCmi(withinMs = patienceMs): Promise<void> {
    return this.expect(cmi, withinMs);
  }

  /** The end, with nothing before it. Its code is hearsay: ship-go often drops the socket (1006) where it meant to say more. */
  async expectClose(withinMs = patienceMs): Promise<{ readonly code: number; readonly reason: string }> {
    const received = await this.next(withinMs, 'the close');
    if (received.kind === 'close') return received;
    throw new Error(`expected the close, got ${shown(received)}`);
  }

  /** Everything up to the end. */
  async untilClose(
    withinMs = patienceMs,
  ): Promise<{ readonly messages: readonly ShipMessage[]; readonly code: number; readonly reason: string }> {
    const messages: ShipMessage[] = [];
    for (;;) {
      const received = await this.next(withinMs, 'the close');
      if (received.kind === 'close') return { messages, code: received.code, reason: received.reason };
      messages.push(received.kind === 'message' ? received.message : { type: -1, text: received.text });
    }
  }

  #write(bytes: Uint8Array | string, how: { binary: boolean; fin: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, { ...how, compress: false }, (error) => (error ? reject(error) : resolve()));
    });
  }

  #take(received: Received): void {
    if (received.kind === 'close') this.#closed = received;
    if (this.#waiting) {
      this.#waiting(received);
      this.#waiting = undefined;
    } else if (received.kind !== 'close') {
      if (this.#received.length >= receivedMax) this.drop();
      else this.#received.push(received);
    }
  }
}

/**
 * Dials as a client would.
 *
 * @throws UpgradeRefused where the answer is an HTTP status (503 at a connection limit); otherwise the socket's or TLS's error
 */
export async function dialPeer(options: DialOptions): Promise<ScriptedPeer> {
  const {
    port,
    host = '127.0.0.1',
    path = '/ship/',
    protocols = ['ship'],
    session,
    autoPong = true,
    bytesMax = 32 << 20,
  } = options;
  const socket = new WebSocket(`wss://${host}:${port}${path}`, [...protocols], {
    ...tlsOptions(options),
    ...(session && { session }),
    rejectUnauthorized: false,
    handshakeTimeout: patienceMs,
    autoPong,
    maxPayload: bytesMax,
    perMessageDeflate: false,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => reject(new UpgradeRefused(response.statusCode ?? 0, response.headers, body)));
    });
    // Made here and not at `open`: the first message may already be on its heels.
    socket.once('upgrade', ({ socket: tls }) => {
      const peer = new ScriptedPeer(socket, tls as TLSSocket, 'client', path);
      socket.once('open', () => resolve(peer));
    });
  });
}

/** @internal What both roles tell TLS. */
export function tlsOptions({ identity, minVersion, maxVersion, ciphers }: PeerOptions): object {
  return {
    ...(identity && { key: identity.key, cert: identity.certificate }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(ciphers && { ciphers }),
  };
}

function receive(raw: RawData, isBinary: boolean): Received {
  const bytes = Array.isArray(raw) ? Buffer.concat(raw) : Buffer.from(raw as Buffer);
  return isBinary ? { kind: 'message', message: messageOf(bytes), bytes } : { kind: 'text', text: bytes.toString() };
}

function shown(received: Received): string {
  if (received.kind === 'close') return `the close (${received.code} ${JSON.stringify(received.reason)})`;
  return received.kind === 'text' ? `a text frame ${clip(received.text)}` : shownMessage(received.message);
}

function shownMessage(message: ShipMessage): string {
  return nameOf(message) === 'cmi' ? 'the CMI' : `type ${message.type} ${clip(message.text)}`;
}

const clip = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text);
