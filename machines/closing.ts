import type { WireCause, WireCauseKind } from './ports.js';

/**
 * Every way a connection, session or attempt can end: one closed list.
 * `happened` and `advice` are the text of the CLI and of the documentation's table.
 */
export const CLOSINGS = {
  closed: { retry: false, happened: 'This side closed it.', advice: 'Nothing to do.' },
  'peer-goodbye': {
    retry: false,
    happened: 'The peer said goodbye.',
    advice: 'Nothing to do; connect again when there is a reason to.',
  },
  'peer-lost-session': {
    retry: true,
    happened: 'The peer no longer knows this session: it restarted, or gave it up.',
    advice: 'Connect again; what was not acknowledged may or may not have arrived.',
  },
  'window-expired': {
    retry: true,
    happened: 'There was no working link for the whole reconnect window.',
    advice: 'Check the network, or ask for a longer window.',
  },
  'handshake-timeout': {
    retry: true,
    happened: 'The peer did not finish the handshake in time.',
    advice: 'Check that both sides speak the same protocol and that nothing in between holds traffic back.',
  },
  'handshake-refused': { retry: false, happened: 'The peer refused the handshake.', advice: 'The detail names its reason.' },
  'version-unsupported': {
    retry: false,
    happened: 'The two sides share no protocol version.',
    advice: 'Update the older side; the detail names the supported range.',
  },
  'trust-denied': {
    retry: false,
    happened: 'Trust was denied.',
    advice: 'Accept the peer on the other side, then register it again.',
  },
  'trust-pending-timeout': {
    retry: true,
    happened: 'No user decided about trust in time.',
    advice: 'Accept the pairing request while it is shown.',
  },
  'identity-mismatch': {
    retry: false,
    happened: 'The peer proved a different identity than expected.',
    advice: 'Check the fingerprint; if the peer has a new key, trust that one.',
  },
  'identity-unknown': {
    retry: false,
    happened: 'The peer proved no identity, or one that is not trusted.',
    advice: 'Exchange fingerprints and pass them with --trust.',
  },
  'pin-unsupported': { retry: false, happened: 'The peer asked for a PIN.', advice: 'Switch PIN off on the peer.' },
  'ship-id-mismatch': {
    retry: false,
    happened: 'The peer has another SHIP id than it had before.',
    advice: 'If the device was replaced, unregister it and register it anew.',
  },
  'token-refused': {
    retry: false,
    happened: 'The peer did not accept the token that proves this session is ours.',
    advice: 'Connect again. If neither side restarted, another process may be using this session.',
  },
  violated: {
    retry: false,
    happened: 'A protocol rule was broken.',
    advice: 'The detail names the rule and the side that broke it; report it with a recording.',
  },
  oversized: {
    retry: false,
    happened: 'Something was larger than both sides had agreed on.',
    advice: 'Raise the limit on the receiving side.',
  },
  malformed: {
    retry: false,
    happened: 'Bytes arrived that are not of this protocol.',
    advice: 'Check that address and protocol belong together.',
  },
  'probe-timeout': { retry: true, happened: 'The link went silent and did not answer a probe.', advice: 'Check the network.' },
  reset: { retry: true, happened: 'The link broke.', advice: 'Check the network.' },
  refused: {
    retry: true,
    happened: 'There is no listener at that address, or it refused.',
    advice: 'Check the address, and that the peer runs.',
  },
  unreachable: {
    retry: true,
    happened: 'The address could not be reached in time.',
    advice: 'Check the address, routes and firewalls.',
  },
  'resolve-failed': { retry: true, happened: 'The name has no address.', advice: 'Check the name and the resolver.' },
  'tls-failed': {
    retry: false,
    happened: 'The TLS handshake failed.',
    advice: 'The detail has the alert; check certificates on both sides.',
  },
  'limit-reached': { retry: true, happened: 'A connection limit was reached.', advice: 'Close something, or raise the limit.' },
  busy: {
    retry: true,
    happened: 'The peer takes no more connections at the moment.',
    advice: 'Try again after the time it names.',
  },
  'lost-tie-break': {
    retry: false,
    happened: 'Both sides dialed at once; the other connection was kept.',
    advice: 'Nothing to do.',
  },
  replaced: { retry: false, happened: 'A newer connection of the same peer took its place.', advice: 'Nothing to do.' },
  cancelled: { retry: false, happened: 'The attempt was called off.', advice: 'Nothing to do.' },
  shutdown: { retry: false, happened: 'This side shut down.', advice: 'Nothing to do.' },
  drained: {
    retry: true,
    happened: 'The peer is going away and said when to return.',
    advice: 'Connect again after the time it named.',
  },
  internal: { retry: true, happened: 'A defect in this program.', advice: 'Please report it with the detail.' },
} as const satisfies Record<string, { retry: boolean; happened: string; advice: string }>;

/** How something ended, in a word: one of the closed list `CLOSINGS`, whose entries say what happened and what to do. */
export type ClosingCode = keyof typeof CLOSINGS;

/** Why and by whom something ended. A value, never an exception. */
export interface Closing {
  /** The side that caused it: this one, or the peer (the network counts as remote). */
  readonly side: 'local' | 'remote';
  readonly code: ClosingCode;
  /** One sentence for people. */
  readonly reason: string;
  /** Whether trying again can succeed with nothing changed. */
  readonly retry: boolean;
  readonly detail?: ClosingDetail;
}

/**
 * Details of an end, where there are any: the broken rule, the wire's own cause, when to come back, which messages.
 */
export interface ClosingDetail {
  /** The rule that was broken, e.g. `RES-8`. */
  readonly rule?: string;
  /** Operating system, TLS or WebSocket code below. */
  readonly cause?: WireCause;
  /** Don't come back before this many milliseconds have passed. */
  readonly retryAfterMs?: number;
  /** Where the peer has lost the session and the protocol tells: bytes that the peer's application is known to have read. */
  readonly read?: number;
  /**
   * Messages that `write` had accepted: handed to a link without acknowledgement, and never handed to one. Messages; beside `read` they are
   * numbers of bytes.
   */
  readonly unknown?: MessageRange | number;
  readonly unsent?: MessageRange | number;
  /** Where a session that the peer has lost is followed by a new one: its id. `engine.connection(id)` may be written to at once. */
  readonly successorId?: string;
  readonly supported?: { readonly min: number; readonly max: number };
  readonly message?: string;
}

/** Messages by their number on this connection, counted from 1, both ends included. */
export interface MessageRange {
  readonly from: number;
  readonly to: number;
}

/** The longest text that a closing quotes of a peer or an application, in characters. Charts keep it, and their snapshots are small. */
const MESSAGE_LENGTH_MAX = 512;

/** A longer `detail.message` is cut, and ends with an ellipsis. */
export function closing(code: ClosingCode, side: 'local' | 'remote', detail?: ClosingDetail): Closing {
  const { retry, happened } = CLOSINGS[code];
  if (detail === undefined) return { side, code, reason: happened, retry };
  const { message } = detail;
  const isLong = message !== undefined && message.length > MESSAGE_LENGTH_MAX;
  const bounded = isLong ? { ...detail, message: `${message.slice(0, MESSAGE_LENGTH_MAX - 1)}…` } : detail;
  return { side, code, reason: happened, retry, detail: bounded };
}

/** Endings that one side intended: nothing is missing of what the peer wrote before it. After any other a stream of messages was cut. */
const ORDERLY: readonly ClosingCode[] = ['closed', 'peer-goodbye', 'shutdown', 'drained'];

/** Whether an ending is one that both sides agree on, or would, had the last packets arrived. */
export function isOrderly({ code }: Pick<Closing, 'code'>): boolean {
  return ORDERLY.includes(code);
}

const OF_CAUSE: Record<WireCauseKind, ClosingCode> = {
  ended: 'reset', // Where a protocol has its own goodbye, a wire that merely ends was cut.
  aborted: 'cancelled',
  reset: 'reset',
  refused: 'refused',
  unreachable: 'unreachable',
  'resolve-failed': 'resolve-failed',
  'tls-failed': 'tls-failed',
  'identity-mismatch': 'identity-mismatch',
  malformed: 'malformed',
  oversized: 'oversized',
};

/** The closing of a connection that ends with its wire. */
export function closingOf(cause: WireCause): Closing {
  const detail = { cause, ...(cause.retryAfterMs === undefined ? {} : { retryAfterMs: cause.retryAfterMs }) };
  if (cause.status === 503) return closing('busy', 'remote', detail);
  return closing(OF_CAUSE[cause.kind], cause.kind === 'aborted' ? 'local' : 'remote', detail);
}
