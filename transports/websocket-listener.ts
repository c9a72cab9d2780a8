import { createServer as createHttp, type IncomingMessage, STATUS_CODES } from 'node:http';
import { createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { WebSocketAddress } from './address.js';
import { Openings } from './openings.js';
import { bind } from './socket-listener.js';
import { remoteAddressOf } from './socket-wire.js';
import type { SocketSettings } from './tcp.js';
import { listenSecurely, type TlsListenerOptions } from './tls-listener.js';
import { visitorsAt, type VisitorOptions } from './visitors.js';
import { Upgrade } from './websocket-upgrade.js';
import { WebSocketWire } from './websocket-wire.js';
import type { Acceptor, Identity, Listening, Offer } from '../machines/ports.js';

/** The settings that dialers and listeners of WebSockets share, with defaults. */
export interface WebSocketSettings extends SocketSettings, VisitorOptions {
  readonly protocols: readonly string[];
  readonly messageBytesMax: number;
  readonly mask: 'random' | 'zero';
  readonly pack: boolean;
  readonly anyPath: boolean;
  readonly keyIdentifier: TlsListenerOptions['keyIdentifier'];
  /** The fault of our Subject Key Identifier, as peers that check it see it. */
  readonly ownFault: string | undefined;
  readonly handshakesMax: number;
}

/** Listens for upgrades at one path. The offer comes before the upgrade, so that a refusal is an HTTP answer. */
export function listening(
  target: WebSocketAddress,
  settings: WebSocketSettings,
  secure: TlsListenerOptions | undefined,
  acceptor: Acceptor,
): Listening {
  const identities = new WeakMap<Socket, Identity>();
  const openings = new Openings(settings.handshakesMax, settings.connectTimeoutMs);
  const visitors = visitorsAt(target.host, settings, secure?.identity.certificate);
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    WebSocket: Upgrade,
    handleProtocols: (offered) => settings.protocols.find((each) => offered.has(each)) ?? false,
  });
  const http = createHttp((_, response) => response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end());
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    openings.done(socket);
    const refusal = visitors(request, socket);
    const status =
      refusal === undefined ? objection(request, settings.anyPath ? undefined : target.path, settings.protocols) : 403;
    if (status === undefined)
      return acceptor.onOffer(offering(request, socket, head, upgrades, settings, identities.get(socket)));
    if (refusal !== undefined) acceptor.onRefused?.(remoteAddressOf(socket), refusal);
    answer(socket, status, refusal === undefined ? {} : { 'X-Refusal': refusal });
  });

  const address = (bound: string): string => `${secure ? 'wss' : 'ws'}://${bound}${target.path}`;
  if (secure) {
    const options = { ...secure, alpn: ['http/1.1'] };
    const onSecure = (socket: TLSSocket, identity: Identity | undefined): void => {
      if (identity) identities.set(socket, identity);
      http.emit('connection', socket);
    };
    return listenSecurely(target, address, options, settings, openings, acceptor, onSecure);
  }
  const plain = createServer(settings.socket);
  plain.on('connection', (socket) => {
    openings.begin(socket);
    http.emit('connection', socket);
  });
  return bind(plain, target, address, acceptor);
}

/** The HTTP status to answer with, where an upgrade is none of ours. */
function objection(
  { url = '', headers }: IncomingMessage,
  path: string | undefined,
  protocols: readonly string[],
): number | undefined {
  if (path !== undefined && url.split('?', 1)[0] !== path) return 404;
  const offered = headers['sec-websocket-protocol']?.split(',').map((each) => each.trim()) ?? [];
  return protocols.some((each) => offered.includes(each)) ? undefined : 400;
}

function offering(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  upgrades: WebSocketServer,
  { pack, messageBytesMax }: WebSocketSettings,
  identity: Identity | undefined,
): Offer {
  const remoteAddress = remoteAddressOf(socket);
  const wire = new WebSocketWire(socket, { remoteAddress, pack, masking: 'none', messageBytesMax });
  wire.identity = identity;
  return {
    remoteAddress,
    identity,
    open(handler) {
      wire.handler = handler;
      // `onOpen` follows the upgrade at once, before a byte can come.
      queueMicrotask(() => {
        if (!wire.isOver) upgrades.handleUpgrade(request, socket, head, () => {});
      });
      return destroying(wire);
    },
    refuse: ({ code, retryAfterMs }) => answer(socket, 503, { 'Retry-After': Math.ceil(retryAfterMs / 1000), 'X-Refusal': code }),
  };
}

/** Made out here, since it lives as long as the wire: a closure above would keep the request and its headers alive. */
function destroying(wire: WebSocketWire): () => void {
  return () => wire.destroy();
}

/** Says no in HTTP and hangs up. */
function answer(socket: Socket, status: number, headers: Readonly<Record<string, string | number>> = {}): void {
  const lines = Object.entries({ ...headers, Connection: 'close', 'Content-Length': 0 }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.on('error', () => {});
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`);
}
