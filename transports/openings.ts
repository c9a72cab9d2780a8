import type { Socket } from 'node:net';
import { remoteAddressOf } from './socket-wire.js';

/**
 * Sockets that were accepted and still have to shake hands (TLS, HTTP upgrade) before they can become an offer. There is
 * room for so many; the oldest makes way for a newcomer. So a thousand silent dialers cost their places and nothing else:
 * who is honest is through long before it becomes the oldest.
 */
export class Openings {
  readonly #sockets = new Map<string, Socket>(); // In the order of arrival.

  /** @param idleMs a socket on which nothing happens for so long is destroyed too */
  constructor(
    readonly max: number,
    readonly idleMs: number,
  ) {}

  begin(socket: Socket): void {
    const name = remoteAddressOf(socket);
    if (this.#sockets.size >= this.max) this.#evict();
    this.#sockets.set(name, socket);
    socket.setTimeout(this.idleMs, destroy);
    socket.once('close', () => this.#sockets.get(name) === socket && this.#sockets.delete(name));
  }

  /** The socket, or the one that TLS has put over it, is through. */
  done(socket: Socket): void {
    const name = remoteAddressOf(socket);
    this.#sockets.get(name)?.setTimeout(0, destroy);
    this.#sockets.delete(name);
  }

  #evict(): void {
    const [oldest] = this.#sockets;
    if (!oldest) return;
    this.#sockets.delete(oldest[0]);
    oldest[1].destroy();
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
