import type { SocketConnectOpts } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { hostAndPort, parseHostAndPort, type HostAndPort } from './address.js';
import { checked, TLS_RULES } from './checked.js';
import { ownDates, reportDates } from './certificate-dates.js';
import { Openings } from './openings.js';
import { readInto, remoteAddressOf, SocketWire } from './socket-wire.js';
import { offer, socketSettings, type SocketSettings, type TcpOptions } from './tcp.js';
import { listenSecurely, type TlsListenerOptions } from './tls-listener.js';
import {
  provenIdentity,
  secureDialOptions,
  checkDialer,
  checkListener,
  type SecureDialOptions,
  type TlsResult,
} from './tls-peer.js';
import { SessionError } from '../machines/errors.js';
import type { Identity, Opener, Transport } from '../machines/ports.js';

export type { TlsListenerOptions } from './tls-listener.js';
export type { TlsPeerOptions } from './tls-peer.js';

/** How TLS connects: identities and trust (`TlsListenerOptions`), and what it shares with TCP. */
export interface TlsOptions extends TlsListenerOptions, TcpOptions {
  /**
   * Offered by ALPN in order of preference; peers that share none are refused. Default: resume, pool and rendezvous, version 1.
   */
  readonly protocols?: readonly string[];
}

/** ALPN only states that both sides are of this package; the first bytes identify the protocol. */
const PROTOCOLS: readonly string[] = ['holdfast.resume.v1', 'holdfast.pool.v1', 'holdfast.rendezvous.v1'];

/**
 * TLS with a certificate on both sides: `tls://host:port`. A wire's identity is the SHA-256 fingerprint of the peer's
 * public key. A peer whose key is not accepted ends as `identity-mismatch` for the side that dialed; for the side that listens it
 * never becomes an offer. (In TLS 1.3 a dialer completes before its own certificate is checked: it gets `onOpen`, then
 * the end.)
 *
 * @throws SessionError `bad-option` for an invalid fingerprint in `trust`, or an identity that TLS can't use
 */
export function tls(options: TlsOptions): Transport {
  const settings = socketSettings(checked('tls', TLS_RULES, options));
  if (options.identity === undefined) throw new SessionError('bad-option', 'tls.identity: expected an identity, got nothing');
  const alpn = options.protocols ?? PROTOCOLS;
  checkDialer(options); // Throws now rather than at the first dial.
  const context = secureDialOptions(options);
  const own = ownDates(options.identity);
  return {
    name: 'tls',
    schemes: ['tls'],
    boundaries: 'stream',
    secure: true,
    dial(address, dialOptions) {
      const target = parseHostAndPort(address, 'tls', 'dial');
      return dialing(
        target,
        context,
        alpn,
        settings,
        options.keyIdentifier,
        checkListener(options, dialOptions?.fingerprints),
        (socket, identity) => reportDates(socket, identity, own, dialOptions?.onCertificate),
      );
    },
    listen(address, acceptor) {
      const target = parseHostAndPort(address, 'tls', 'listen');
      const bound = (at: string): string => `tls://${at}`;
      const openings = new Openings(options.handshakesMax ?? 1024, settings.connectTimeoutMs);
      return listenSecurely(target, bound, { ...options, alpn }, settings, openings, acceptor, (socket, identity) => {
        openings.done(socket);
        offer(socket, acceptor, identity);
      });
    },
  };
}

function dialing(
  target: HostAndPort,
  context: SecureDialOptions,
  alpn: readonly string[],
  settings: SocketSettings,
  identities: TlsOptions['keyIdentifier'],
  result: TlsResult,
  onProven: (socket: TLSSocket, identity: Identity | undefined) => void,
): Opener {
  return (handler) => {
    const how: ConnectionOptions & Pick<SocketConnectOpts, 'onread'> = {
      ...target,
      ...context,
      ...settings.socket,
      ...settings.race,
      ALPNProtocols: [...alpn],
      onread: readInto(() => wire),
    };
    const socket = connect(how);
    const wire = new SocketWire(socket, true, hostAndPort(target.host, target.port));
    wire.handler = handler;
    wire.limitAttempt(settings.connectTimeoutMs);
    socket.once('connect', () => tune(socket, settings));
    socket.once('secureConnect', () => {
      wire.limitAttempt(0);
      wire.remoteAddress = remoteAddressOf(socket);
      wire.identity = provenIdentity(socket, identities);
      const cause = result(wire.identity);
      if (cause) wire.fail(cause);
      else {
        onProven(socket, wire.identity);
        wire.opened();
      }
    });
    return () => wire.destroy();
  };
}

/** TLS sockets ignore these options when they are created. */
function tune(socket: TLSSocket, { socket: { keepAlive, keepAliveInitialDelay } }: SocketSettings): void {
  socket.setNoDelay(true).setKeepAlive(keepAlive, keepAliveInitialDelay);
}
