import { createEngine, type Connection, type Engine } from '../index.js';
import { messagesOver } from '../messages.js';
import { tcp } from '../../transports/tcp.js';
import { FaultProxy } from './fault-proxy.js';
import { recordEngine } from './recording.js';
import {
  chosen,
  dialedProtocol,
  LinkWatch,
  servedProtocols,
  type LinkNews,
  type LinksOptions,
  type LinksSettings,
} from './links.js';

/** Options of a stage, besides the links of its session. */
export interface StageOptions extends LinksOptions {
  /** In [0, 1): which link is cut, and when all of them. */
  readonly random: () => number;
}

/** Everything a demo needs on this machine: two engines, one session between them, and the proxy that cuts its links. */
export class Stage {
  /** How long it took after each cut until all links were there again for the side that dials, in order. */
  readonly resumesMs: number[] = [];
  /** How often links were cut: one, now and then all. */
  cuts = 0;
  /** Links that were cut in all, and the last time. */
  linksCut = 0;
  lastCut = 0;
  onResumed: ((afterMs: number) => void) | undefined;
  #up: number; // Links that carry packets, as far as the dialing side knows,
  #unnoticed = 0; // which has yet to find out about so many cut ones.
  #cutAt: number | undefined; // Since when one or more are missing.
  #isClosing = false;
  #waiting: (() => void)[] = [];

  private constructor(
    readonly server: Engine,
    readonly client: Engine,
    readonly proxy: FaultProxy,
    readonly random: () => number,
    readonly links: number,
    /** Where the session goes in, and where it comes out. */
    readonly near: Connection,
    readonly far: Connection,
    up: number,
  ) {
    this.#up = up;
    void near.closed.then(() => this.#wake());
  }

  static async open({ random, ...options }: StageOptions): Promise<Stage> {
    const { protocol, links } = chosen(options);
    let stage: Stage | undefined;
    let up = protocol === 'tuna' ? 0 : 1;
    const note = ({ word, carrying }: Pick<LinkNews, 'word' | 'carrying'>): void => {
      up = carrying;
      stage?.note(word, carrying);
    };
    const watch = new LinkWatch(note);
    const transports = [tcp()];
    const served = [...servedProtocols({ protocol }, LIMITS)];
    const server = createEngine({ transports, protocols: served, listen: ['tcp://127.0.0.1:0'] });
    const client = createEngine({
      transports,
      protocols: [dialedProtocol(options, LIMITS)],
      inspect: watch.inspect,
    });
    if (protocol === 'resume')
      client.on(({ type }) => {
        if (type === 'lost') note({ word: 'lost', carrying: 0 });
        if (type === 'resumed') note({ word: 'back', carrying: 1 });
      });
    try {
      await recordEngine(server, 'server');
      await recordEngine(client, 'client');
      await Promise.all([server.start(), client.start()]);
      const proxy = new FaultProxy(Number(/\d+$/.exec(server.addresses[0]!)![0]));
      const address = `tcp://127.0.0.1:${await proxy.listen()}`;
      const accepted = server.incoming[Symbol.asyncIterator]().next();
      const near = whole(await client.connect(address));
      const far = whole((await accepted).value as Connection);
      stage = new Stage(server, client, proxy, random, links, near, far, up);
      await stage.mended();
      return stage;
    } catch (error) {
      await Promise.all([server.shutdown(), client.shutdown()]);
      throw error;
    }
  }

  /** Cuts a link, now and then all. False when the last cut is not mended yet: a cut counts when there was something to cut. */
  cut(): boolean {
    if (this.#isMissing || this.#isClosing) return false;
    const isForAll = this.links === 1 || this.random() < ALL_AT_ONCE;
    const count = this.proxy.cut(isForAll ? undefined : (links) => Math.floor(this.random() * links));
    if (count === 0) return false;
    this.#cutAt = performance.now();
    this.#unnoticed = count;
    this.cuts++;
    this.linksCut += this.lastCut = count;
    return true;
  }

  /** Resolves when all links are there, or when the session has ended. */
  async mended(): Promise<void> {
    if (this.#isMissing && this.near.state === 'completed') await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Leaves nothing behind. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.client.shutdown(), this.server.shutdown()]);
    await this.proxy.close();
  }

  /** A change of a link as the dialing side sees it, and the number of links now. */
  note(word: LinkNews['word'], carrying: number): void {
    this.#up = carrying;
    if (word === 'lost' && this.#unnoticed > 0) this.#unnoticed--;
    if (this.#isMissing) return;
    if (this.#cutAt !== undefined) {
      const afterMs = performance.now() - this.#cutAt;
      this.#cutAt = undefined;
      this.resumesMs.push(afterMs);
      this.onResumed?.(afterMs);
    }
    this.#wake();
  }

  get #isMissing(): boolean {
    return this.#up < this.links || this.#unnoticed > 0;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** One of so many cuts takes all links at once. */
const ALL_AT_ONCE = 1 / 10;

/** The demo counts messages, whatever carries them. */
function whole(connection: Connection): Connection {
  return connection.boundaries === 'stream' ? messagesOver(connection) : connection;
}

/** The demo shows what a resume costs, not how politely one waits for a network that is away. */
const AT_ONCE = { kind: 'exponential', baseMs: 20, capMs: 100, immediateIfLivedMs: 0 } as const;

/**
 * A quarter of the defaults, which suit longer ways than loopback: as fast here, and 15 MiB less for what is on its way and not
 * yet collected. Measured with 1 GiB.
 */
const LIMITS: LinksSettings = {
  resume: { sendBytesMax: 1 << 20, receiveBytesMax: 1 << 20, messageBytesMax: 64 << 10, redial: AT_ONCE },
  tuna: { sendBytesMax: 1 << 19, windowBytes: 1 << 19, redial: AT_ONCE }, // Links have buffers of their own, and the proxy too.
};
