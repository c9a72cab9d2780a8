import { createRequire } from 'node:module';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { frameBytes, framed } from '../../adapters/tuna/envelope.js';

/** What is used of the real ncp-js; it brings no types. */
export interface NcpJsSession {
  receiveWith(localId: string, remoteId: string, bytes: Uint8Array): void;
  dial(timeoutMs?: number): Promise<void>;
  accept(): Promise<void>;
  read(bytes?: number): Promise<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  setLinger(ms: number): void;
  readonly isClosed?: boolean;
}

export const { Session: NcpJs } = createRequire(__filename)('@nkn/ncp') as {
  Session: new (
    local: string,
    remote: string,
    localIds: string[],
    remoteIds: null,
    sendWith: (local: string, remote: string, bytes: Uint8Array) => Promise<void>,
    config: object,
  ) => NcpJsSession;
};

/** A real ncp-js session on TCP sockets, framed as `TcpEnd` does: the first byte of each is the number of its link. */
export class NcpJsOnTcp {
  readonly session: NcpJsSession;
  #sockets: (Socket | undefined)[] = [];
  #server: Server | undefined;

  constructor(readonly links: number) {
    const ids = Array.from({ length: links }, (_, i) => String(i));
    this.session = new NcpJs('js', 'holdfast', ids, null, (local, _, bytes) => this.#send(Number(local), bytes), { mtu: 1024 });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.once('data', (first: Buffer) => {
          this.#carry(socket, first[0]!, first.subarray(1));
        });
      });
      this.#server = server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
  }

  async dial(port: number): Promise<void> {
    await Promise.all(
      Array.from(
        { length: this.links },
        (_, link) =>
          new Promise<void>((resolve) => {
            const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
              socket.write(Uint8Array.of(link));
              this.#carry(socket, link, Buffer.alloc(0));
              resolve();
            });
          }),
      ),
    );
    await this.session.dial(5000);
  }

  /** Whether there is a socket for each link: where there is none, ncp-js complains on the console. */
  get isWhole(): boolean {
    return this.#sockets.filter((socket) => socket !== undefined).length === this.links;
  }

  stop(): void {
    for (const socket of this.#sockets) socket?.destroy();
    this.#server?.close();
  }

  #carry(socket: Socket, link: number, first: Buffer): void {
    this.#sockets[link] = socket;
    let rest = first;
    const hear = (bytes: Buffer): void => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      while (rest.length >= 4 && rest.length >= frameBytes(rest, 0)) {
        const end = frameBytes(rest, 0);
        const packet = new Uint8Array(rest.subarray(4, end));
        rest = rest.subarray(end);
        if (this.session.isClosed !== true) this.session.receiveWith(String(link), String(link), packet);
      }
    };
    socket.on('data', hear).on('error', () => {}).on('close', () => (this.#sockets[link] = undefined)); // prettier-ignore
    hear(Buffer.alloc(0));
  }

  #send(link: number, packet: Uint8Array): Promise<void> {
    const socket = this.#sockets[link];
    if (socket === undefined || socket.destroyed) return Promise.reject(new Error(`link ${link} is down`));
    socket.write(framed(new Uint8Array(packet)));
    return Promise.resolve();
  }
}
