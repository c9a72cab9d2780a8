import type { DnsQuestion, DnsRecord, MdnsHandler, OpenMdns } from '../../adapters/ship/mdns-network.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';

/** One local network in virtual time: what one node says all hear, itself included, as with multicast. */
export class Lan {
  readonly clock = new SimClock();
  readonly random = new SeededRandom(1).next;
  /** Every packet, for assertions. */
  readonly told: { readonly atMs: number; readonly records: readonly DnsRecord[] }[] = [];
  readonly asked: { readonly atMs: number; readonly questions: readonly DnsQuestion[] }[] = [];
  readonly #handlers = new Set<MdnsHandler>();
  /** While true, nobody gets in, and attempts are counted. */
  isDown = false;
  attempts: number[] = [];
  /** Packets that are not delivered. */
  loses: (records: readonly DnsRecord[]) => boolean = () => false;

  readonly open: OpenMdns = (handler) => {
    this.attempts.push(this.clock.now());
    if (this.isDown) return Promise.reject(new Error('the cable is out'));
    this.#handlers.add(handler);
    const isIn = (): boolean => this.#handlers.has(handler);
    return Promise.resolve({
      ask: (questions) => {
        if (!isIn()) return;
        this.asked.push({ atMs: this.clock.now(), questions });
        this.#deliver((each) => each.onQuestions(questions));
      },
      tell: (records) => {
        if (isIn()) this.say(records);
        return Promise.resolve();
      },
      close: () => {
        this.#handlers.delete(handler);
        return Promise.resolve();
      },
    });
  };

  get nodes(): number {
    return this.#handlers.size;
  }

  say(records: readonly DnsRecord[]): void {
    this.told.push({ atMs: this.clock.now(), records });
    if (!this.loses(records)) this.#deliver((each) => each.onRecords(records));
  }

  /** Ends the network for everybody. */
  cut(): void {
    this.isDown = true;
    const handlers = [...this.#handlers];
    this.#handlers.clear();
    for (const each of handlers) each.onLost(new Error('the cable is out'));
  }

  /** Lives through so much virtual time, promises included. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.now() + ms;
    do await settled();
    while (this.clock.nextMs <= endMs && this.clock.step());
    this.clock.advance(endMs - this.clock.now());
    await settled();
  }

  #deliver(to: (handler: MdnsHandler) => void): void {
    for (const handler of [...this.#handlers]) this.clock.setTimeout(() => this.#handlers.has(handler) && to(handler), 1);
  }
}

/** Longer than any chain of promises here. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
