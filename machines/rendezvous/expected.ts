import type { ConnectRequest, ConnectResponse, NodeId, Nonce, Signed } from './rendezvous.messages.js';
import { ExpiringMap } from './expiring-map.js';

/** Why a connection is expected: what came in, or what was answered; or what was asked, until the answer is there. */
export type Grounds =
  | { readonly holds: 'request'; readonly request: Signed<ConnectRequest> }
  | { readonly holds: 'response'; readonly response: Signed<ConnectResponse> }
  | { readonly holds: 'asked'; readonly request: Signed<ConnectRequest> };

export interface Expectation {
  readonly transport: string;
  readonly peer: NodeId;
  /** Ours: the peer presents it when it dials. */
  readonly nonce: Nonce;
  readonly grounds: Grounds;
}

/** How an expectation ended: `answered`, by a connection after its response had come; `used`, by one without; `lapsed`, by time or for room. */
type Gone = 'used' | 'answered' | 'lapsed';

/** Ended expectations are remembered for one more life, so that a late peer gets that reason. */
export type Match = { readonly word: 'hit'; readonly expectation: Expectation } | { readonly word: Gone | 'unknown' };

const UNKNOWN: Match = { word: 'unknown' };

/**
 * The expected peers, and the letter of each. A socket that was accepted shows a port that means nothing, so that the key is
 * transport, identity and the nonce that the peer presents. Bounded and timed; finding, adding and dropping cost the same
 * however many there are; the oldest lapses first. Each is good for one connection.
 * @rule RDV-1
 */
export class ExpectedConnections {
  readonly #rows: ExpiringMap<string, Expectation>;
  readonly #gone: ExpiringMap<string, Gone>;
  readonly #byPeer = new Map<NodeId, Set<string>>();

  constructor(limits: { readonly expectationLifeMs: number; readonly expectationsMax: number }) {
    this.#rows = new ExpiringMap(limits.expectationLifeMs, limits.expectationsMax);
    this.#gone = new ExpiringMap(limits.expectationLifeMs, limits.expectationsMax);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Returns the one that lapsed to make room. A second one under the same key replaces the first, and lives anew. */
  add(expectation: Expectation, now: number): Expectation | undefined {
    const key = keyOf(expectation.transport, expectation.peer, expectation.nonce);
    this.#gone.delete(key);
    const keys = this.#byPeer.get(expectation.peer);
    if (keys === undefined) this.#byPeer.set(expectation.peer, new Set([key]));
    else {
      keys.delete(key);
      keys.add(key); // The newest is the last.
    }
    const displaced = this.#rows.set(key, expectation, now);
    if (displaced === undefined) return undefined;
    this.#rememberExpired(displaced[0], displaced[1], 'lapsed', now);
    return displaced[1];
  }

  /** Whether a connection that shows this is expected. Changes nothing. */
  match(transport: string, peer: NodeId, nonce: Nonce, now: number): Match {
    const key = keyOf(transport, peer, nonce);
    const expectation = this.#rows.get(key, now);
    if (expectation !== undefined) return { word: 'hit', expectation };
    const gone = this.#gone.get(key, now) ?? (this.#rows.has(key, -Infinity) ? 'lapsed' : undefined);
    return gone === undefined ? UNKNOWN : { word: gone };
  }

  /** Whether this peer is expected at all. */
  has(peer: NodeId): boolean {
    return this.#byPeer.has(peer);
  }

  /** The newest expectation of this peer that holds a letter of its own: what a dial to it rests on. */
  newestOf(peer: NodeId, now: number): Expectation | undefined {
    let newest: Expectation | undefined;
    for (const key of this.#byPeer.get(peer) ?? []) {
      const expectation = this.#rows.get(key, now);
      if (expectation !== undefined && expectation.grounds.holds !== 'asked') newest = expectation;
    }
    return newest;
  }

  /** All of this peer's end here: it is met, and they have served. */
  dropPeer(peer: NodeId, now: number): void {
    for (const key of [...(this.#byPeer.get(peer) ?? [])]) {
      const expectation = this.#rows.delete(key);
      if (expectation === undefined) continue;
      this.#rememberExpired(key, expectation, expectation.grounds.holds === 'response' ? 'answered' : 'used', now);
    }
  }

  /** Takes one out whose time is over. */
  pollExpired(now: number): Expectation | undefined {
    while (this.#gone.pollExpired(now) !== undefined);
    const expired = this.#rows.pollExpired(now);
    if (expired === undefined) return undefined;
    this.#rememberExpired(expired[0], expired[1], 'lapsed', now);
    return expired[1];
  }

  nextTimeout(): number | undefined {
    return this.#rows.nextTimeout();
  }

  /** Everything out at once, remembered nowhere. Returns whose expectations there were. */
  clear(): NodeId[] {
    const peers = [...this.#byPeer.keys()];
    this.#rows.clear();
    this.#gone.clear();
    this.#byPeer.clear();
    return peers;
  }

  #rememberExpired(key: string, { peer }: Expectation, how: Gone, now: number): void {
    this.#gone.set(key, how, now);
    const keys = this.#byPeer.get(peer);
    if (keys?.delete(key) === true && keys.size === 0) this.#byPeer.delete(peer);
  }
}

/** Identity and nonce have fixed lengths, so that no transport can read like part of them. */
function keyOf(transport: string, peer: NodeId, nonce: Nonce): string {
  return `${peer}${nonce}${transport}`;
}
