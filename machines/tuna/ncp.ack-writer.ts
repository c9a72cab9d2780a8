import { RANGES_REPEATED, type NcpLink } from './ncp.link.js';
import type { ReadNews } from './ncp.news.js';
import { nextSequence } from './ncp.sequence.js';
import type { NcpCodec } from './tuna.messages.js';

export const RANGES_PER_ACK = 64;

/** Says what a link owes: what has come on it since, once more what the last acknowledgement said, and what the application has read. @rule NCP-7 */
export class AckWriter {
  readonly #taken = { starts: new Float64Array(RANGES_PER_ACK), counts: new Uint32Array(RANGES_PER_ACK) };
  readonly #wireStarts = new Uint32Array(RANGES_PER_ACK);

  constructor(
    readonly first: number,
    readonly codec: NcpCodec,
    readonly news: ReadNews,
  ) {}

  put(l: NcpLink, now: number, into: Uint8Array, at: number): number {
    const { starts, counts } = this.#taken;
    let ranges = l.owed.take(this.#taken, RANGES_PER_ACK - RANGES_REPEATED, now);
    for (let i = 0; i < ranges; i++) this.#wireStarts[i] = nextSequence(this.first, starts[i]!);
    const repeated = Math.max(0, ranges - RANGES_REPEATED);
    const fresh = ranges;
    for (let i = 0; i < l.told; i++) {
      this.#wireStarts[ranges] = l.toldStarts[i]!;
      counts[ranges++] = l.toldCounts[i]!;
    }
    l.told = fresh - repeated;
    for (let i = 0; i < l.told; i++) {
      l.toldStarts[i] = this.#wireStarts[repeated + i]!;
      l.toldCounts[i] = counts[repeated + i]!;
    }
    return this.codec.putAck(into, at, this.#wireStarts, counts, ranges, this.news.tell(now));
  }
}
