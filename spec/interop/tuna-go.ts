import type { AddressQuery, AddressReply } from '../../adapters/tuna/index.js';
import { NcpGo, type NcpGoSettings, type Received } from './ncp-go.js';

export interface TunaGoOptions extends NcpGoSettings {
  /** Stands for the seed of its identity. */
  readonly name: string;
  readonly links: number;
  /** Default 1300. */
  readonly mtu?: number;
  /** Dials of a lost link in a row; the original's default is 0, and -1 is unlimited, the default here. */
  readonly retries?: number;
  /** Between them. Default 20 ms; the original's is 2 s. */
  readonly intervalMs?: number;
}

/**
 * A running process with a real nkn-tuna-session. What it asks the NKN network is asked here, and its exits are relays on loopback.
 * One session at a time: of the last `dial` or `accept`. `stop` must be called.
 */
export class TunaGo {
  private constructor(
    readonly process: NcpGo,
    readonly address: string,
  ) {}

  static async start(options: TunaGoOptions): Promise<TunaGo> {
    const process = await NcpGo.start();
    const { address } = await process.command<{ address: string }>('tunaOpen', {
      mtu: 1300,
      retries: -1,
      intervalMs: 20,
      ...options,
    });
    return new TunaGo(process, address);
  }

  /** From here on exits are open, and `ask` is answered. */
  async listen(): Promise<void> {
    await this.process.command('tunaListen', {});
  }

  /** What a dialer is told about the addresses of the moment, by the original itself. */
  async ask(from: string, session: Uint8Array | null): Promise<AddressReply> {
    const question = { action: 'getPubAddr', sessionID: session === null ? null : Buffer.from(session).toString('base64') };
    const data = Buffer.from(JSON.stringify(question)).toString('base64');
    const { data: said } = await this.process.command<{ data: string }>('tunaAsk', { peer: from, data });
    const reply = JSON.parse(Buffer.from(said, 'base64').toString()) as {
      addrs: { ip: string; port: number }[] | null;
      sessionClosed: boolean;
    };
    if (reply.sessionClosed) return { word: 'session-closed' };
    const addresses = (reply.addrs ?? []).map(({ ip, port }) => (ip === '' ? undefined : `tcp://${ip}:${port}`));
    return { word: 'addresses', addresses };
  }

  /** For the links of a dialer with this address. */
  bookFor(from: string): AddressQuery {
    return {
      query: (_, session, answer) => {
        let isWanted = true;
        this.ask(from, session ?? null).then(
          (reply) => isWanted && answer(reply),
          () => isWanted && answer({ word: 'no-answer' }),
        );
        return () => (isWanted = false);
      },
    };
  }

  /** Dials; whenever it asks for addresses it is told that each of its links finds the peer at this port. */
  async dial(peer: string, port: number, links: number, timeoutMs = 10_000): Promise<void> {
    this.process.onEvent = (event) => {
      if (event.event !== 'asked') return;
      const addrs = Array.from({ length: links }, () => ({ ip: '127.0.0.1', port }));
      const data = Buffer.from(JSON.stringify({ addrs, sessionClosed: false })).toString('base64');
      this.process.command('tunaTell', { ask: event.ask, data }).catch(() => {}); // It may have ended meanwhile.
    };
    await this.process.command('tunaDial', { peer, timeoutMs });
  }

  /** The next session that somebody opens. */
  async accept(): Promise<{ remote: string }> {
    return this.process.command('tunaAccept', {});
  }

  /** Listener: resets what goes through one exit, or through all of them. Resolves with how many wires that were. */
  async cut(link?: number): Promise<number> {
    const { cut } = await this.process.command<{ cut: number }>(link === undefined ? 'tunaCutAll' : 'tunaCut', { link });
    return cut;
  }
  /** Listener: the exit gets another port, as when its carrier breaks. */
  async move(link: number): Promise<void> {
    await this.process.command('tunaMove', { link });
  }
  /** Either role: the session closes one of its own sockets. */
  async drop(link: number): Promise<void> {
    await this.process.command('tunaCutDialed', { link });
  }

  /** The pattern from a place on. */
  send(bytes: number, from = 0): Promise<void> {
    return this.process.command('send', { bytes, from });
  }
  receive(bytes = 0, from = 0): Promise<Received> {
    return this.process.command('receive', { bytes, from });
  }
  close(lingerMs?: number): Promise<void> {
    return this.process.close(lingerMs);
  }
  state(): ReturnType<NcpGo['state']> {
    return this.process.state();
  }
  stop(): Promise<void> {
    return this.process.stop();
  }
}
