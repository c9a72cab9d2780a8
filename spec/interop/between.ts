import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What becomes of a connection while the backend is away. */
export const AWAY = ['reads and ends', 'ends before it reads', 'resets', 'reads a byte and resets'] as const;
export type Away = (typeof AWAY)[number];

/** Something between two engines that accepts whatever happens, as `ssh -L`, a relay or a load balancer does. `close` must be called. */
export class Between {
  away: Away | undefined;
  accepted = 0;
  /** Hears of each connection that was accepted. */
  onAccepted: (() => void) | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(readonly port: number) {
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#take(socket));
  }

  /** Resolves with its address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** All that go through it break. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket): void {
    this.accepted++;
    this.onAccepted?.();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    switch (this.away) {
      case undefined: {
        const back = connect(this.port, '127.0.0.1');
        this.#sockets.add(back);
        back.on('close', () => (socket.destroy(), this.#sockets.delete(back))).on('error', () => socket.destroy());
        socket.on('close', () => back.destroy());
        socket.pipe(back).pipe(socket);
        return;
      }
      case 'reads and ends':
        return void socket.resume().once('data', () => socket.end());
      case 'ends before it reads':
        return void socket.end();
      case 'resets':
        return void socket.resetAndDestroy();
      case 'reads a byte and resets':
        return void socket.resume().once('data', () => socket.resetAndDestroy());
    }
  }
}
