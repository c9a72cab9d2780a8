import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy on loopback that can cut every link in the middle of a stream: both sides are reset, what was inside is lost. */
export class Cutter {
  #server: Server;
  #links = new Set<Socket>();

  constructor(readonly targetPort: number) {
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** Resets every link. Returns how many there were. */
  cut(): number {
    const cut = this.#links.size;
    for (const socket of this.#links) socket.resetAndDestroy();
    return cut / 2;
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.targetPort, noDelay: true });
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.#links.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#links.delete(from);
        to.destroy();
      });
    } // prettier-ignore
  }
}
