import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay on loopback, so that a test can cut what two programs believe to be their wire. */
export class Relay {
  #sockets = new Set<Socket>();
  readonly #dialers = new Map<Socket, Socket>();
  readonly #stranded = new WeakSet<Socket>();

  private constructor(
    readonly server: Server,
    readonly port: number,
  ) {}

  static async to(target: number): Promise<Relay> {
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        relay.#sockets.add(socket);
        socket.setNoDelay(true).on('error', () => {});
        socket.on('close', () => {
          relay.#sockets.delete(socket);
          if (relay.#stranded.has(near)) return;
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
      relay.#dialers.set(near, far);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const relay = new Relay(server, (server.address() as { port: number }).port);
    return relay;
  }

  /** Resets every wire; new ones are relayed as before. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resets every wire at the end that dialed it; the other end sees an open wire that nothing comes from any more. */
  strand(): void {
    for (const [near, far] of this.#dialers) {
      this.#stranded.add(near);
      near.unpipe();
      far.unpipe();
      near.resetAndDestroy();
    }
    this.#dialers.clear();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
