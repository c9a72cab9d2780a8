import type { Closing, Engine } from '../index.js';
import type { TunneledConnection, TunnelNews } from '../streams/index.js';
import type { LinkNews, LinkWatch } from './links.js';
import type { Output } from './output.js';

/** The last line of `tunnel … --json`. */
export interface TunnelSummary {
  readonly sessions: number;
  /** Forwarded connections, and those of them that did not end by themselves. */
  readonly connections: number;
  readonly failed: number;
  /** From the sockets into the session, and back. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Resumes after a loss of all links; and resumes of single links of several. */
  readonly resumes: number;
  readonly linksResumed: number;
  readonly seconds: number;
}

/** Reports on a tunnel: lines about sessions for people; events for programs, also about connections. */
export class TunnelLog implements TunnelNews {
  readonly #began = performance.now();
  #sessions = 0;
  #connections = 0;
  #failed = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #resumes = 0;
  #linksResumed = 0;
  #isWaiting = false;

  constructor(
    readonly output: Output,
    engine: Engine,
    watch: LinkWatch,
  ) {
    watch.tell = (news) => this.#tellLink(news);
    engine.on((event) => {
      if (event.type === 'lost') this.#lost(event.peer);
      if (event.type === 'resumed') this.#resumed(event.peer, event.afterMs);
    });
  }

  opened(peer: string): void {
    this.#isWaiting = false;
    this.#sessions++;
    this.output.tell({ event: 'connected', peer });
    this.output.say(`Connected with ${peer}.`);
  }

  /** Prints the first of several failed attempts. */
  waiting(address: string, { code, reason }: Closing): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.output.tell({ event: 'waiting', address, code, message: reason });
    this.output.say(`Waiting for ${address}: ${reason}`);
  }

  ended({ side, code, reason }: Closing): void {
    this.output.tell({ event: 'ended', side, code, message: reason });
    this.output.say(`The session has ended: ${reason}`);
  }

  began(number: number): void {
    this.#connections++;
    this.output.tell({ event: 'opened', connection: number });
  }

  over(passage: TunneledConnection): void {
    const { number, code, message, bytesIn, bytesOut } = passage;
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
    this.output.tell({
      event: 'closed',
      connection: number,
      bytesIn,
      bytesOut,
      ...(code === undefined ? {} : { code, message }),
    });
    if (code === undefined) return;
    this.#failed++;
    this.output.say(`Connection ${number} failed: ${message} (${code})`);
  }

  summarize(): void {
    const summary: TunnelSummary = {
      sessions: this.#sessions,
      connections: this.#connections,
      failed: this.#failed,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      resumes: this.#resumes,
      linksResumed: this.#linksResumed,
      seconds: Math.round(performance.now() - this.#began) / 1000,
    };
    this.output.tell(summary);
    const { connections, bytesIn, bytesOut, resumes } = summary;
    this.output.say(`${connections} connections, ${bytesIn} bytes in, ${bytesOut} bytes out, ${resumes} resumes.`);
  }

  /** One of several links: the session goes on. A line is printed for people only if other links carry the session. */
  #tellLink({ word, link, carrying, afterMs }: LinkNews): void {
    if (word === 'joined') return this.output.tell({ event: 'link-joined', link, carrying });
    if (word === 'lost') {
      this.output.tell({ event: 'link-lost', link, carrying });
      if (carrying > 0) this.output.say(`Link ${link + 1} is lost; ${carrying} carry on.`);
      return;
    }
    this.#linksResumed++;
    this.output.tell({ event: 'link-back', link, carrying, afterMs: Math.round(afterMs * 10) / 10 });
    if (carrying > 1) this.output.say(`Link ${link + 1} is back after ${Math.round(afterMs * 10) / 10} ms.`);
  }

  #lost(peer: string): void {
    this.output.tell({ event: 'lost', peer });
    this.output.say(`The link with ${peer} is lost; connections wait.`);
  }

  #resumed(peer: string, afterMs: number): void {
    this.#resumes++;
    const ms = Math.round(afterMs * 10) / 10;
    this.output.tell({ event: 'resumed', peer, afterMs: ms });
    this.output.say(`Back after ${ms} ms.`);
  }
}
