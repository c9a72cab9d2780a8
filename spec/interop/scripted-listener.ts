import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { OwnIdentity } from '../../adapters/identity/index.js';
import { patienceMs, ScriptedPeer, tlsOptions, type PeerOptions } from './scripted-peer.js';

/** A listening scripted peer on a free port of the loopback interface. */
export class ScriptedListener {
  readonly #arrived: ScriptedPeer[] = [];
  #waiting: ((peer: ScriptedPeer) => void) | undefined;
  readonly #all = new Set<ScriptedPeer>();

  /** @internal */
  constructor(
    readonly port: number,
    readonly ski: string | undefined,
    readonly server: Server,
    readonly sockets: WebSocketServer,
  ) {
    sockets.on('connection', (socket, request) => {
      const peer = new ScriptedPeer(socket, request.socket as TLSSocket, 'server', request.url ?? '');
      this.#all.add(peer);
      socket.once('close', () => this.#all.delete(peer));
      if (this.#waiting) this.#waiting(peer);
      else this.#arrived.push(peer);
    });
  }

  /** The next connection, in order of arrival. */
  async peer(withinMs = patienceMs): Promise<ScriptedPeer> {
    const arrived = this.#arrived.shift();
    if (arrived) return arrived;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<ScriptedPeer>((resolve, reject) => {
        this.#waiting = resolve;
        timer = setTimeout(() => reject(new Error(`nobody dialled within ${withinMs} ms`)), withinMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  /** Drops all peers and frees the port. */
  async close(): Promise<void> {
    for (const peer of this.#all) peer.drop();
    this.sockets.close();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

export interface ListenOptions extends PeerOptions {
  readonly identity: OwnIdentity;
  /** Default: a free one. */
  readonly port?: number;
  /** Answer upgrades with this status instead, as 503. Asked for each. */
  readonly refuse?: () => number | undefined;
}

/** Listens as a server would: asks for a certificate, accepts any. */
export async function listenPeer(options: ListenOptions): Promise<ScriptedListener> {
  const { protocols = ['ship'], autoPong = true, bytesMax = 32 << 20, refuse } = options;
  const server = createServer({ ...tlsOptions(options), requestCert: true, rejectUnauthorized: false });
  const sockets = new WebSocketServer({
    noServer: true,
    autoPong,
    maxPayload: bytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    const status = refuse?.();
    if (status !== undefined) socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else sockets.handleUpgrade(request, socket, head, (each) => sockets.emit('connection', each, request));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return new ScriptedListener((server.address() as AddressInfo).port, options.identity.ski, server, sockets);
}
