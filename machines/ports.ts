/** The interfaces to the platform. Everything else in `machines/` is computation. */

/** Monotonic time in milliseconds, timers, and the end of the turn; a superset of XState's own `Clock`. */
export interface Clock {
  /** Monotonic milliseconds; the only time that decides anything. */
  now(): number;
  /** Wall-clock milliseconds: a hint that the host slept, never a reason to end something: people and time servers set it. */
  wall(): number;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** Runs `fn` once the running turn is over and before any timer; used to gather writes. */
  soon(fn: () => void): void;
}

/** A number in [0, 1). Decides backoff and nothing secret. */
export type Random = () => number;

/** Unpredictable bytes for session ids, tokens and nonces. Only the simulation replaces it by a seeded one. */
export type Entropy = (bytes: number) => Uint8Array;

/** The peer's identity, as the transport has proven it. */
export interface Identity {
  /** SHA-256 of the peer's public key (SubjectPublicKeyInfo), 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** Subject Key Identifier of the peer's certificate, 40 lower-case hex digits, where it has one. */
  readonly ski?: string | undefined;
}

/** When a certificate ends, as it says itself. A transport has no clock and reports it alone; the hub compares. */
export interface CertificateDates {
  readonly whose: 'own' | 'peer';
  /** SHA-256 of its public key, 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly validToMs: number;
}

/**
 * An opened byte pipe. It dies and is replaced; its owner must expect every call to be too late.
 * A wire never calls its handler from inside one of these methods.
 */
export interface Wire {
  /** For people and logs, e.g. `127.0.0.1:7000`. */
  readonly remoteAddress: string;
  readonly identity?: Identity | undefined;
  /** True: what `onBytes` brings is only valid until it returns (a reused read buffer). False: it is given away. */
  readonly lends: boolean;
  /** Several frames at once are best not larger together than this: the peer puts larger messages together from parts. */
  readonly pieceBytes?: number | undefined;
  /** The bytes must stay unchanged until written. False: accepted, but wait for `onDrain`. Silently void once closed. */
  send(bytes: Uint8Array): boolean;
  /** Bytes sent between `cork` and `uncork` leave in as few writes (or messages) as possible. */
  cork(): void;
  uncork(): void;
  /** Says farewell in the transport's own way after what was sent has left; `code` and `reason` where the transport has them. */
  close(code?: number, reason?: string): void;
  /** Ends it at once; unsent bytes are lost. */
  destroy(): void;
  /** Asks the transport to stop and to go on calling `onBytes`. */
  pause(): void;
  resume(): void;
  /** Asks for a sign of life where the transport has one of its own (WebSocket ping); answered by `onProbeAnswer`. */
  probe?(): void;
  /** Lets the system below ask for a sign of life after this much silence, where it can (TCP keep-alive). */
  keepAlive?(idleMs: number): void;
}

/** Callbacks of a transport: `onOpen` at most once, `onClose` exactly once and last, nothing from inside an opener or a wire's method. */
export interface WireHandler {
  onOpen(wire: Wire): void;
  onBytes(bytes: Uint8Array): void;
  onDrain(): void;
  onProbeAnswer(): void;
  onClose(cause: WireCause): void;
}

/** Why a wire ended, or never opened, in a word. */
export type WireCauseKind =
  | 'ended' // The peer closed in an orderly way.
  | 'aborted' // This side closed, destroyed, or gave up the attempt.
  | 'reset' // The pipe broke.
  | 'refused' // There is no listener, or it refused (`status`, `retryAfterMs`).
  | 'unreachable' // No route, or the attempt took too long.
  | 'resolve-failed' // The name has no address.
  | 'tls-failed' // No common TLS ground, a bad certificate, an alert.
  | 'identity-mismatch' // TLS worked, but the key is not the expected one.
  | 'malformed' // The transport's own framing was violated.
  | 'oversized'; // A transport message was above the limit.

/** Why a wire ended, or never opened. */
export interface WireCause {
  readonly kind: WireCauseKind;
  /** Close code (WebSocket) or operating system error name (`ECONNRESET`). */
  readonly code?: number | string;
  readonly reason?: string;
  /** HTTP status of a refused upgrade. */
  readonly status?: number;
  readonly retryAfterMs?: number;
}

/** Starts to open a wire for `handler`; the result gives the attempt, or the opened wire, up. */
export type Opener = (handler: WireHandler) => () => void;

/** Why an incoming connection is refused before a wire exists. */
export interface Refusal {
  readonly code: 'limit-reached' | 'busy' | 'shutdown';
  readonly retryAfterMs: number;
}

/** An incoming connection. Exactly one of `open` and `refuse` is called. */
export interface Offer {
  readonly remoteAddress: string;
  readonly identity?: Identity | undefined;
  readonly open: Opener;
  /** Says no as the transport can: HTTP 503 with Retry-After before the upgrade, or by closing. */
  refuse(refusal: Refusal): void;
}

/** Callbacks of a listener: its address, incoming connections, its failure. */
export interface Acceptor {
  /** The address as bound, with the port the system chose. */
  onListening(address: string): void;
  onOffer(offer: Offer): void;
  /** The transport has sent a dialer away by itself: `origin-refused`, `host-unknown`, `identity-unknown`; the reason is for people. */
  onRefused?(remoteAddress: string, code: string, reason?: string): void;
  /** The same as for dials; also called once for our own certificate when listening begins. */
  onCertificate?(certificate: CertificateDates): void;
  /** Listening failed or ended by itself. */
  onFailed(cause: WireCause): void;
}

/** Stops accepting. Wires that were accepted live on. `done` is called once the address is free. */
export interface Listening {
  close(done?: () => void): void;
}

/** A way to reach addresses of some schemes, and to be reached. */
export interface Transport {
  readonly name: string;
  /** Without the colon: `tcp`, `wss`. */
  readonly schemes: readonly string[];
  readonly boundaries: 'stream' | 'message';
  /** True where an eavesdropper can't read or change bytes, or where there is no network (memory). */
  readonly secure: boolean;
  /** Throws `SessionError('bad-address')` for an address it can't understand. */
  dial(address: string, options?: DialOptions): Opener;
  listen(address: string, acceptor: Acceptor): Listening;
}

/** Options of a dial; most say what a peer must prove before the wire opens. */
export interface DialOptions {
  /** Only a peer with one of these keys will do; otherwise the wire closes with `identity-mismatch`. */
  readonly fingerprints?: readonly string[];
  /** Called once a host has accepted the pipe, where the transport shakes hands after that (TLS, upgrade). */
  readonly onReached?: () => void;
  /** Called for each certificate that was shown on a wire, where the transport has some, before that wire opens. */
  readonly onCertificate?: (certificate: CertificateDates) => void;
}

/** Turns a peer's name into addresses to race. */
export interface Resolver {
  /** Answers once, with `reason` where there is none to give. The result stops the search. */
  resolve(peer: string, answer: (addresses: readonly string[], reason?: string) => void): () => void;
}

/** Remembers who is trusted. Methods answer from memory; an adapter writes to disk. */
export interface Trust {
  has(peer: string): boolean;
  add(peer: string): void;
  remove(peer: string): void;
}

/**
 * News of the host: `offline` and `online` of its network; `left`: the page goes and nothing of it runs again;
 * `frozen`: it may run again much later, and until then nothing of it does; `thawed`: it does.
 */
export type HostNews = 'online' | 'offline' | 'left' | 'frozen' | 'thawed';

/** A host that knows whether it has a network, and whether it goes on running: a browser's page. */
export interface Host {
  /** False only where there is no network for sure. Nothing is dialed then. */
  isOnline(): boolean;
  /** Calls back for all news until the returned function is called. `left` and `frozen` may be the last call that there is. */
  watch(listener: (news: HostNews) => void): () => void;
}

/** Everything injected, once. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly entropy: Entropy;
  /**
   * Where errors of the application's own callbacks go, all of them: handlers of messages, listeners, resolvers, trust stores and the
   * rest. Called with the name of the callback and what it threw, or what its promise was rejected with; the connection and the
   * process go on. Default: a process warning (`HoldfastCallbackWarning`) in Node, `console.error` in browsers. Ports of your own
   * that have no `report` let such an error be thrown on a stack of its own, so that a test sees it.
   */
  readonly report?: (callback: string, error: unknown) => void;
  /** Where the platform knows more about its network than sockets say. Default: a page in browsers, none in Node. */
  readonly host?: Host;
}
