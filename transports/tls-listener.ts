import { createServer as createPlainServer } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { HostAndPort } from './address.js';
import { ownDates, reportDates } from './certificate-dates.js';
import type { Openings } from './openings.js';
import { bind } from './socket-listener.js';
import type { SocketSettings } from './tcp.js';
import { remoteAddressOf } from './socket-wire.js';
import {
  keyIdentifierFault,
  provenIdentity,
  secureOptions,
  checkDialer,
  WITHOUT_KEY_IDENTIFIER,
  type TlsPeerOptions,
} from './tls-peer.js';
import type { Acceptor, Identity, Listening } from '../machines/ports.js';

/** Options of a listener besides identities and trust: a bound for handshakes. */
export interface TlsListenerOptions extends TlsPeerOptions {
  /** Handshakes that may be under way at a listener; beyond it the oldest one makes way. Default 1024. */
  readonly handshakesMax?: number;
}

/**
 * Listens at a TCP address, leads each newcomer through the TLS handshake and hands on the sockets whose key will do.
 * The others are cut off without a word to them, and reported as refused: not a byte of a protocol is for a peer that proved nothing.
 *
 * @param address what to report as bound
 * @param openings where newcomers have their place until the caller says that they are through
 */
export function listenSecurely(
  target: HostAndPort,
  address: (bound: string) => string,
  options: TlsListenerOptions & { readonly alpn: readonly string[] },
  settings: SocketSettings,
  openings: Openings,
  acceptor: Acceptor,
  onSecure: (socket: TLSSocket, identity: Identity | undefined) => void,
): Listening {
  const result = checkDialer(options);
  const own = ownDates(options.identity);
  const handshakes = createServer({ ...secureOptions(options), requestCert: true, ALPNProtocols: [...options.alpn] });
  handshakes.on('secureConnection', (socket) => {
    const identity = provenIdentity(socket, options.keyIdentifier);
    const cause = result(identity);
    if (cause) {
      const remoteAddress = remoteAddressOf(socket);
      const reason = cause === WITHOUT_KEY_IDENTIFIER ? keyIdentifierFault(socket) : cause.reason;
      socket.destroy();
      acceptor.onRefused?.(remoteAddress, 'identity-unknown', reason);
    } else {
      reportDates(socket, identity, own, (certificate) => acceptor.onCertificate?.(certificate));
      onSecure(socket, identity);
    }
  });

  const plain = createPlainServer(settings.socket);
  plain.on('connection', (socket) => {
    openings.begin(socket);
    handshakes.emit('connection', socket);
  });
  plain.once('listening', () => acceptor.onCertificate?.(own));
  return bind(plain, target, address, acceptor);
}
