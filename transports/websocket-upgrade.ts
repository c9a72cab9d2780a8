import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { wireOfSocket } from './websocket-wire.js';

/**
 * The `ws` package does the upgrade, on both sides. Where it has done so it gives the socket to a method of its own, which would set up its
 * reader and its writer: this one gives it to the wire that waits for it, and the package is done.
 */
export class Upgrade extends WebSocket {
  setSocket(socket: Socket, head: Buffer): void {
    wireOfSocket(socket)?.upgraded(head);
  }
}

/** That method has no promise in the package's documentation: without it no wire would ever open. */
export function assertUpgrades(): void {
  if (typeof Reflect.get(WebSocket.prototype, 'setSocket') !== 'function')
    throw new Error(
      'this version of the ws package upgrades in another way than 8.23: install one that holdfast was tested with',
    );
}
