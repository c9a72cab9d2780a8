import { createEngine, type Connection, type Engine, type EngineOptions } from '../index.js';
import { resume } from '../resume/index.js';
import { tcp } from '../../transports/tcp.js';
import { Cutter } from './cutter.js';

/** Everything a demo needs on this machine: two engines, one session between them, and the proxy that cuts its link. */
export class Stage {
  /** How long each loss lasted for the side that dials, in the order of the cuts. */
  readonly resumesMs: number[] = [];
  /** Links that were cut. */
  cuts = 0;
  onResumed: ((afterMs: number) => void) | undefined;
  #isUp = true;
  #isClosing = false;
  #waiting: (() => void)[] = [];

  private constructor(
    readonly server: Engine,
    readonly client: Engine,
    readonly cutter: Cutter,
    /** Where the session goes in, and where it comes out. */
    readonly near: Connection,
    readonly far: Connection,
  ) {
    client.on((event) => {
      if (event.type !== 'resumed') return;
      this.#isUp = true;
      this.resumesMs.push(event.afterMs);
      this.onResumed?.(event.afterMs);
      this.#wake();
    });
    void near.closed.then(() => this.#wake());
  }

  static async open({ inspect }: Pick<EngineOptions, 'inspect'> = {}): Promise<Stage> {
    const watched = inspect === undefined ? {} : { inspect };
    const transports = [tcp()];
    const server = createEngine({ transports, protocols: [resume(LIMITS)], ...watched, listen: ['tcp://127.0.0.1:0'] });
    const client = createEngine({ transports, protocols: [resume({ ...LIMITS, redial: AT_ONCE })], ...watched });
    try {
      await Promise.all([server.start(), client.start()]);
      const cutter = new Cutter(Number(/\d+$/.exec(server.addresses[0]!)![0]));
      const address = `tcp://127.0.0.1:${await cutter.listen()}`;
      const accepted = server.incoming[Symbol.asyncIterator]().next();
      const near = await client.connect(address);
      return new Stage(server, client, cutter, near, (await accepted).value as Connection);
    } catch (error) {
      await Promise.all([server.shutdown(), client.shutdown()]);
      throw error;
    }
  }

  /** Cuts the link. False when the last cut is not mended yet: a cut counts when there was something to cut. */
  cut(): boolean {
    if (!this.#isUp || this.#isClosing || this.cutter.cut() === 0) return false;
    this.#isUp = false;
    this.cuts++;
    return true;
  }

  /** Resolves when the last cut is mended, or when the session has ended. */
  async mended(): Promise<void> {
    if (!this.#isUp && this.near.state === 'completed') await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Leaves nothing behind. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.client.shutdown(), this.server.shutdown()]);
    await this.cutter.close();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The demo shows what a resume costs, not how politely one waits for a network that is away. */
const AT_ONCE = { kind: 'exponential', baseMs: 20, capMs: 500, immediateIfLivedMs: 0 } as const;

/**
 * A quarter of the defaults, which suit longer ways than loopback: as fast here, and 15 MiB less for what is on its way and not
 * yet collected. Measured with 1 GiB.
 */
const LIMITS = { sendBytesMax: 1 << 20, receiveBytesMax: 1 << 20, messageBytesMax: 64 << 10 } as const;
