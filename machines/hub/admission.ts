import { BYTES_QUEUED_MAX } from '../dataplane/byte-budget.js';

/**
 * Admission of connections, and the answer at each bound. Pure: it counts and answers with a word; closing, refusing and warning
 * are its callers'. Established connections are never preempted: at a limit it is always the newcomer that waits or goes,
 * but for pending openings, and sessions that have proven nothing, of which the oldest gives way.
 */

export interface Limits {
  /** Connections of one protocol, suspended ones included. SHIP 10, pool 1000, resume and Tuna 100 000. */
  readonly connectionsMax: number;
  /** Of those, by one proven identity. Default: no cap of its own. */
  readonly connectionsPerPeerMax?: number;
  /** Accepted wires that have not said whose they are. Default 1024. */
  readonly openingsMax?: number;
  /** Of those, from one address other than loopback; an IPv6 /64 counts as one address. Default 16. */
  readonly openingsPerAddressMax?: number;
  /** Accepted connections which the application has not taken yet. Default 64. */
  readonly incomingMax?: number;
  /** Bytes of all messages accepted and not yet acknowledged, over the whole engine. Default 1 GiB. */
  readonly bytesQueuedMax?: number;
}

export const LIMITS = {
  dialsPendingMax: 64,
  openingsMax: 1024,
  openingsPerAddressMax: 16,
  unprovenPerAddressMax: 64,
  incomingMax: 64,
  bytesQueuedMax: BYTES_QUEUED_MAX,
} as const;

/** The facts about a connection that asks for admission. */
export interface Applicant {
  /** Connections of its protocol, and of its peer where one is proven, without it. */
  readonly connections: number;
  readonly ofPeer?: number;
  /** A known peer that takes the place of its own connection: it adds nothing, and is never refused. */
  readonly replaces?: boolean;
}

/** Come in; the protocol's limit is reached (HTTP 503, a refusal frame, or a typed error); the peer's own cap is. */
export type ConnectionAdmission = 'admit' | 'limit-reached' | 'peer-limit-reached';

export function admitConnection(limits: Limits, { connections, ofPeer = 0, replaces = false }: Applicant): ConnectionAdmission {
  if (replaces) return 'admit';
  if (connections >= limits.connectionsMax) return 'limit-reached';
  return ofPeer >= (limits.connectionsPerPeerMax ?? Infinity) ? 'peer-limit-reached' : 'admit';
}

/** Warns once when a count comes near its limit, and again only after it has been well below: no flutter at the mark. */
export class Watermark {
  readonly #high: number;
  readonly #low: number;
  #isNear = false;

  /** Near at `share` of `max`; well below at `relief` of it, chosen without measurement. */
  constructor(max: number, share = 0.8, relief = 0.7) {
    this.#high = Math.max(1, max * share);
    this.#low = max * relief;
  }

  /** Call it with every change; `near` is a reason to warn, `relieved` that the next crossing will warn again. */
  update(count: number): 'near' | 'relieved' | undefined {
    if (!this.#isNear && count >= this.#high) {
      this.#isNear = true;
      return 'near';
    }
    if (this.#isNear && count < this.#low) {
      this.#isNear = false;
      return 'relieved';
    }
    return undefined;
  }
}
