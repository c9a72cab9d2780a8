import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy on loopback that lets so many bytes through towards its target, over all links, and then holds the rest back. */
export class Gate {
  passed = 0;
  readonly held: Promise<void>;
  #hold!: () => void;
  #limit: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #paused = new Set<Socket>();

  constructor(
    readonly targetPort: number,
    limit: number,
  ) {
    this.#limit = limit;
    this.held = new Promise((resolve) => (this.#hold = resolve));
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port)),
    );
  }

  /** Everything goes through from here on. */
  open(): void {
    this.#limit = Infinity;
    for (const socket of this.#paused) socket.resume();
    this.#paused.clear();
  }

  kill(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket): void {
    const far = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
    }
    far.pipe(near);
    near.on('data', (chunk) => {
      this.passed += chunk.length;
      if (!far.write(chunk)) {
        near.pause();
        far.once('drain', () => {
          if (!this.#paused.has(near)) near.resume();
        });
      }
      if (this.passed < this.#limit) return;
      near.pause();
      this.#paused.add(near);
      this.#hold();
    });
  }
}
