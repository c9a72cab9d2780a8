import type { Socket } from 'node:net';
import { isLoopbackHost } from '../machines/loopback.js';
import { remoteAddressOf } from './socket-wire.js';

/**
 * Sockets that were accepted and still have to shake hands (TLS, HTTP upgrade) before they can become an offer. There is
 * room for so many, and for a quarter of that from one address other than loopback; the oldest makes way for a newcomer. So a
 * thousand silent dialers cost their places and nothing else: who is honest is through long before it becomes the oldest.
 * Each has so long for the whole of it, or up to twice that: a byte now and then buys no time.
 */
export class Openings {
  /** In the order of arrival. By name, since TLS puts another socket over the one that was accepted. */
  readonly #sockets = new Map<string, Socket>();
  readonly #names = new Map<Socket, string>();
  readonly #onClose: (this: Socket) => void;
  readonly #hosts = new Map<string, number>(); // Openings by address, where there are any.
  #deadline: AbortSignal | undefined; // Of some of them. Held here, or it would be collected before its time.

  /** @param timeoutMs from the accepted socket to the end of its handshakes */
  constructor(
    readonly max: number,
    readonly timeoutMs: number,
  ) {
    const forget = (socket: Socket): void => this.#forget(socket);
    this.#onClose = function () {
      forget(this);
    };
  }

  begin(socket: Socket): void {
    const name = remoteAddressOf(socket);
    const host = hostOf(name);
    if ((this.#hosts.get(host) ?? 0) >= Math.ceil(this.max / 4) && !isLoopbackHost(host)) this.#evict(host);
    else if (this.#sockets.size >= this.max) this.#evict();
    this.#sockets.set(name, socket);
    this.#names.set(socket, name);
    this.#hosts.set(host, (this.#hosts.get(host) ?? 0) + 1);
    this.#time();
    socket.on('close', this.#onClose);
  }

  /** The socket, or the one that TLS has put over it, is through. Nothing of the opening may stay with it. */
  done(socket: Socket): void {
    const accepted = this.#sockets.get(remoteAddressOf(socket));
    if (!accepted) return;
    accepted.removeListener('close', this.#onClose);
    this.#forget(accepted);
  }

  #forget(socket: Socket): void {
    const name = this.#names.get(socket);
    if (name === undefined) return;
    this.#names.delete(socket);
    const left = this.#hosts.get(hostOf(name))! - 1;
    if (left > 0) this.#hosts.set(hostOf(name), left);
    else this.#hosts.delete(hostOf(name));
    if (this.#sockets.get(name) === socket) this.#sockets.delete(name);
  }

  /** The oldest, or the oldest from one address. */
  #evict(host?: string): void {
    for (const [name, oldest] of this.#sockets) {
      if (host !== undefined && hostOf(name) !== host) continue;
      this.#forget(oldest);
      oldest.destroy();
      return;
    }
  }

  /** Those that are here now have until then; who comes meanwhile is of the next turn. No clock is read, and no process kept alive. */
  #time(): void {
    if (this.#deadline !== undefined || this.#names.size === 0) return;
    const here = [...this.#names.keys()];
    this.#deadline = AbortSignal.timeout(this.timeoutMs);
    this.#deadline.addEventListener('abort', () => {
      this.#deadline = undefined;
      for (const socket of here) {
        if (!this.#names.has(socket)) continue;
        this.#forget(socket);
        socket.destroy();
      }
      this.#time();
    });
  }
}

/** Without the port. */
function hostOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
