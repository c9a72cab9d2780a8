import { connect, createServer, type Server, type Socket } from 'node:net';
import { cut } from '../../transports/socket-wire.js';

/**
 * A TCP proxy on loopback that can cut every link in the middle of a stream: both sides are reset, and the bytes inside
 * are lost. It refuses no connection. It buffers no more than its sockets do: a slow side applies backpressure to the other.
 */
export class FaultProxy {
  readonly #server: Server;
  /** Both sockets of each link. */
  readonly #links = new Set<readonly [near: Socket, far: Socket]>();

  constructor(readonly targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#join(near));
  }

  /** The port to dial instead of the target's. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** Resets every link, or the one at the index that `pick` returns for their number. Returns how many were reset. */
  cut(pick?: (links: number) => number): number {
    const all = [...this.#links];
    const links = pick === undefined ? all : all.slice(pick(all.length)).slice(0, 1);
    for (const link of links) this.#links.delete(link);
    for (const [near, far] of links) {
      cut(near);
      cut(far);
    }
    return links.length;
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.targetPort, allowHalfOpen: true, noDelay: true });
    const link = [near, far] as const;
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      for (const socket of link) cut(socket);
    };
    for (const socket of link) {
      socket.on('error', end);
      // Bytes that one side sent before its orderly end still go to the other.
      socket.on('close', () => {
        if (!(socket.readableEnded && socket.writableFinished)) end();
        else if (near.closed && far.closed) this.#links.delete(link);
      });
    }
    near.pipe(far);
    far.pipe(near);
  }
}
