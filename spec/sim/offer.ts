import type { Identity, Offer, Opener, Refusal } from '../../machines/ports.js';
import { ENDED, RESET } from './end-state.js';
import type { SimLink } from './link.js';
import type { SimNetwork } from './network.js';

/** Somebody at a host's door; answering twice is a mistake of the acceptor's and throws. */
export class SimOffer implements Offer {
  readonly remoteAddress: string;
  readonly identity: Identity | undefined;
  #isAnswered = false;

  constructor(
    readonly network: SimNetwork,
    readonly link: SimLink,
  ) {
    this.remoteAddress = link.far.remoteAddress;
    this.identity = link.far.identity;
  }

  readonly open: Opener = (handler) => {
    this.#answer();
    const { near, far } = this.link;
    if (far.phase === 'gone') return () => {}; // Its process is no more.
    const nowMs = this.network.clock.now();
    far.handler = handler;
    far.phase = 'opening';
    far.atMs = nowMs;
    far.schedule();
    if (near.phase === 'waiting' && !this.link.isCut && near.atMs === Infinity) {
      near.atMs = nowMs + this.network.latencyMs(far.host, near.host);
      near.schedule();
    }
    return () => far.destroy();
  };

  /** A dialer that is open already can only be closed; another one hears the refusal, if the transport can tell. */
  refuse({ code, retryAfterMs }: Refusal): void {
    this.#answer();
    const { near, far } = this.link;
    const { counts, random, settings } = this.network;
    const atMs = this.network.clock.now() + this.network.latencyMs(far.host, near.host);
    counts.refused++;
    far.vanish();
    if (this.link.isCut) return;
    this.link.isCut = true;
    if (near.atMs !== Infinity || near.phase === 'open') return near.farewell(random.chance(0.5) ? ENDED : RESET, atMs);
    if (!random.chance(settings.tellsRefusal)) return near.farewell(RESET, atMs);
    const status = settings.boundaries === 'message' ? { status: 503 } : {};
    near.farewell({ kind: 'refused', reason: code, retryAfterMs, ...status }, atMs);
  }

  #answer(): void {
    if (this.#isAnswered) throw new Error('an offer is answered once');
    this.#isAnswered = true;
  }
}
