import type { Socket } from 'node:net';
import { remoteAddressOf } from './socket-wire.js';

/**
 * Sockets that were accepted and still have to shake hands (TLS, HTTP upgrade) before they can become an offer. There is
 * room for so many; the oldest makes way for a newcomer. So a thousand silent dialers cost their places and nothing else:
 * who is honest is through long before it becomes the oldest.
 */
export class Openings {
  /** In the order of arrival. By name, since TLS puts another socket over the one that was accepted. */
  readonly #sockets = new Map<string, Socket>();
  readonly #names = new Map<Socket, string>();
  readonly #onClose: (this: Socket) => void;

  /** @param idleMs a socket on which nothing happens for so long is destroyed too */
  constructor(
    readonly max: number,
    readonly idleMs: number,
  ) {
    const forget = (socket: Socket): void => this.#forget(socket);
    this.#onClose = function () {
      forget(this);
    };
  }

  begin(socket: Socket): void {
    const name = remoteAddressOf(socket);
    if (this.#sockets.size >= this.max) this.#evict();
    this.#sockets.set(name, socket);
    this.#names.set(socket, name);
    socket.setTimeout(this.idleMs, destroy).on('close', this.#onClose);
  }

  /** The socket, or the one that TLS has put over it, is through. Nothing of the opening may stay with it. */
  done(socket: Socket): void {
    const accepted = this.#sockets.get(remoteAddressOf(socket));
    if (!accepted) return;
    accepted.setTimeout(0, destroy).removeListener('close', this.#onClose);
    this.#forget(accepted);
  }

  #forget(socket: Socket): void {
    const name = this.#names.get(socket);
    if (name === undefined) return;
    this.#names.delete(socket);
    if (this.#sockets.get(name) === socket) this.#sockets.delete(name);
  }

  #evict(): void {
    for (const oldest of this.#sockets.values()) {
      this.#forget(oldest);
      oldest.destroy();
      return;
    }
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
