import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { hostAndPort, parseWebSocketAddress, type WebSocketAddress } from './address.js';
import { checked, WEBSOCKET_RULES } from './checked.js';
import { ownDates, reportDates } from './certificate-dates.js';
import { remoteAddressOf } from './socket-wire.js';
import { socketSettings, type TcpOptions } from './tcp.js';
import type { TlsListenerOptions } from './tls-listener.js';
import {
  keyIdentifierFault,
  ownKeyIdentifierFault,
  provenIdentity,
  secureDialOptions,
  checkDialer,
  checkListener,
  WITHOUT_KEY_IDENTIFIER,
  type SecureDialOptions,
  type TlsResult,
} from './tls-peer.js';
import { listening, type WebSocketSettings } from './websocket-listener.js';
import { assertUpgrades, Upgrade } from './websocket-upgrade.js';
import { causeOfUpgrade, WebSocketWire } from './websocket-wire.js';
import { visitorsAt, type VisitorOptions } from './visitors.js';
import type { CertificateDates, DialOptions, Opener, Transport, WireCause } from '../machines/ports.js';

export type { VisitorOptions } from './visitors.js';

/** How WebSockets connect; identities and trust are those of TLS, and needed for `wss` listeners alone. */
export interface WebSocketOptions extends TcpOptions, VisitorOptions, Partial<TlsListenerOptions> {
  /**
   * Subprotocols to offer and to accept, in order of preference; a dialer that offers none of them gets 400. Default resume,
   * version 1.
   */
  readonly protocols?: readonly string[];
  /** A message above this ends the wire as `oversized` (1009). Default 17 MiB. */
  readonly messageBytesMax?: number;
  /**
   * How a dialer masks what it sends. RFC 6455 asks for random masks to protect intermediaries that misread `ws://`;
   * over TLS there are none, and zeros save a pass over every byte. Default `zero` with an identity, `random` without.
   */
  readonly mask?: 'random' | 'zero';
  /** Whether small pieces sent under a cork may share one message. Default true; false where each send has to be a message. */
  readonly pack?: boolean;
  /** Whether a listener accepts upgrades at every path, as SHIP nodes do. Default false: only at the path of its address. */
  readonly anyPath?: boolean;
}

/**
 * WebSockets, upgraded by the `ws` package and masked by `bufferutil` if that is installed: binary messages, no compression.
 * Without an identity it speaks `ws://host:port/path`; with one it speaks `wss://`, and both sides show certificates as in `tls`.
 * Use two transports to have both.
 *
 * @throws SessionError `bad-option` for an invalid fingerprint in `trust`, an identity that TLS can't use, or an invalid origin
 * or host
 */
export function websocket(options: WebSocketOptions = {}): Transport {
  const { identity } = checked('websocket', WEBSOCKET_RULES, options);
  const secure = identity && { ...options, identity };
  const scheme = secure ? 'wss' : 'ws';
  const looksAtKeys = options.keyIdentifier !== undefined && options.keyIdentifier !== 'ignored';
  if (secure) checkDialer(secure); // Throws now rather than at the first dial.
  const context = secure && secureDialOptions(secure);
  const own = secure && ownDates(secure.identity);
  const settings: WebSocketSettings = {
    ...socketSettings(options),
    protocols: options.protocols ?? ['holdfast.resume.v1'],
    messageBytesMax: options.messageBytesMax ?? 17 << 20,
    mask: options.mask ?? (secure ? 'zero' : 'random'),
    pack: options.pack ?? true,
    anyPath: options.anyPath ?? false,
    keyIdentifier: options.keyIdentifier,
    ownFault: secure && looksAtKeys ? ownKeyIdentifierFault(secure.identity) : undefined,
    handshakesMax: options.handshakesMax ?? 1024,
    origins: options.origins ?? [],
    hosts: options.hosts ?? [],
  };
  visitorsAt('', settings); // Throws now rather than when it listens.
  assertUpgrades();
  return {
    name: scheme,
    schemes: [scheme],
    boundaries: 'message',
    secure: secure !== undefined,
    dial(address, dialOptions) {
      const target = parseWebSocketAddress(address, scheme, 'dial');
      const result = secure ? checkListener(secure, dialOptions?.fingerprints) : () => undefined;
      return dialing(target, settings, context, result, dialOptions, own);
    },
    listen: (address, acceptor) => listening(parseWebSocketAddress(address, scheme, 'listen'), settings, secure, acceptor),
  };
}

function dialing(
  target: WebSocketAddress,
  settings: WebSocketSettings,
  context: SecureDialOptions | undefined,
  result: TlsResult,
  { onReached, onCertificate }: DialOptions = {},
  own?: CertificateDates,
): Opener {
  return (handler) => {
    const { host, port } = target;
    const how = { host, port, ...settings.socket, ...settings.race };
    const socket = context ? connectTls({ ...how, ...context, ALPNProtocols: ['http/1.1'] }) : connectTcp(how);
    const { pack, messageBytesMax, mask: masking } = settings;
    const wire = new WebSocketWire(socket, { remoteAddress: hostAndPort(host, port), pack, masking, messageBytesMax });
    wire.handler = handler;
    socket.setTimeout(settings.connectTimeoutMs, () =>
      wire.fail({ kind: 'unreachable', code: 'ETIMEDOUT', reason: 'nothing happened for too long' }),
    );
    if (onReached) socket.once('connect', onReached);
    socket.once(context ? 'secureConnect' : 'connect', () => {
      wire.remoteAddress = remoteAddressOf(socket);
      if (context) wire.identity = provenIdentity(socket as TLSSocket, settings.keyIdentifier);
      const cause = result(wire.identity);
      if (cause === WITHOUT_KEY_IDENTIFIER) wire.fail({ ...cause, reason: keyIdentifierFault(socket as TLSSocket) });
      else if (cause) wire.fail(cause);
      else {
        if (own !== undefined) reportDates(socket as TLSSocket, wire.identity, own, onCertificate);
        upgrade(socket, wire, target.url, settings);
      }
    });
    return () => wire.destroy();
  };
}

function upgrade(socket: Socket, wire: WebSocketWire, url: string, settings: WebSocketSettings): void {
  if (wire.isOver) return;
  const options = { createConnection: () => socket, perMessageDeflate: false };
  const websocket = new Upgrade(url, [...settings.protocols], options);
  websocket.on('unexpected-response', (_, response) => {
    const { statusCode = 0, statusMessage, headers } = response;
    const code = headers['x-refusal']; // A holdfast states the reason as one word.
    wire.fail(refused(statusCode, typeof code === 'string' ? code.slice(0, 100) : statusMessage, headers['retry-after']));
  });
  websocket.on('error', (error) => wire.isOpen || wire.fail(hungUp(causeOfUpgrade(error), settings)));
}

/**
 * A SHIP peer that refuses our certificate closes after the TLS handshake, without a reason: Node can send no alert then, and
 * others do the same. If our certificate has a fault, that is the reason; otherwise it may be.
 */
function hungUp(cause: WireCause, { keyIdentifier, ownFault }: WebSocketSettings): WireCause {
  const isShip = keyIdentifier !== undefined && keyIdentifier !== 'ignored';
  if (!isShip || (cause.kind !== 'reset' && cause.kind !== 'ended')) return cause;
  if (ownFault !== undefined) return { ...cause, kind: 'tls-failed', reason: `the peer refuses our certificate: ${ownFault}` };
  return { ...cause, reason: 'the peer hung up behind the TLS handshake, without an answer: perhaps it refuses our certificate' };
}

/** Retry-After counts seconds; as a date it would need a clock, which transports don't have. */
function refused(status: number, reason = '', retryAfter = ''): WireCause {
  const seconds = /^\d{1,6}$/.test(retryAfter) ? { retryAfterMs: Number(retryAfter) * 1000 } : {};
  return { kind: 'refused', status, ...(reason === '' ? {} : { reason }), ...seconds };
}
