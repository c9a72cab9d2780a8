import type { Protocol } from '../protocol.js';
import { judgeConnection } from './admission.js';
import type { Entry } from './connection-record.js';

/** What counting connections needs of the hub. */
export interface PlacesSide {
  readonly clock: { soon(fn: () => void): void };
  readonly options: { readonly connectionsMax: number | undefined; readonly connectionsPerPeerMax: number };
  readonly registry: { countOf(protocol: string): number; countOfPeer(protocol: string, peer: string): number };
  entries(): Iterable<Entry>;
  /** The number of connections has changed. */
  counted(): void;
}

/** Registered peers that may wait for a place, at least; a protocol that may have more connections may have as many waiting. */
const WAITING_MAX = 1024;

/**
 * Places are for connections: those that exist, are being made, or were promised to a caller. A registered peer that only waits
 * for its next dial has none, so that devices which are switched off keep out no others. One whose turn comes while all
 * places are taken waits here, first come first served, until a connection ends.
 */
export class Places {
  #byProtocol = new Map<string, number>();
  #taken = 0;
  #waiting = new Map<Entry, () => void>();
  #isResuming = false;

  constructor(readonly side: PlacesSide) {}

  /** Of all protocols. */
  get taken(): number {
    return this.#taken;
  }

  takenBy(protocol: string): number {
    return this.#byProtocol.get(protocol) ?? 0;
  }

  /** How many registered peers of a protocol may wait to be dialed. */
  waitingMax(protocol: Protocol<unknown>): number {
    return Math.max(WAITING_MAX, this.limitOf(protocol));
  }

  /** Whether one more registered peer may wait to be dialed. */
  mayWait(protocol: Protocol<unknown>): boolean {
    return this.side.registry.countOf(protocol.name) - this.takenBy(protocol.name) < this.waitingMax(protocol);
  }

  /** How many connections of a protocol there may be. */
  limitOf({ connectionsMax }: Protocol<unknown>): number {
    return this.side.options.connectionsMax ?? connectionsMax;
  }

  /** Whether one more connection of this protocol, and of this peer, stays within the limits. */
  hasRoom(protocol: Protocol<unknown>, peer: string): boolean {
    const { options, registry } = this.side;
    const limits = { ...options, connectionsMax: this.limitOf(protocol) };
    const connections = options.connectionsMax === undefined ? this.takenBy(protocol.name) : this.#taken;
    const ofPeer = registry.countOfPeer(protocol.name, peer);
    return judgeConnection(limits, { connections, ofPeer }) === 'admit';
  }

  /** Takes or frees the place of `entry`, after anything that may have changed whether it needs one. */
  settle(entry: Entry): void {
    const needs = !entry.isBuried && entry.needsPlace;
    if (needs === entry.holdsPlace) return;
    entry.holdsPlace = needs;
    const change = needs ? 1 : -1;
    this.#taken += change;
    this.#byProtocol.set(entry.protocol.name, this.takenBy(entry.protocol.name) + change);
    this.side.counted();
    if (!needs) this.resume();
  }

  /** Whether `entry` may be dialed now, if need be in the place of a stranger. */
  mayDial(entry: Entry): boolean {
    return entry.holdsPlace || this.hasRoom(entry.protocol, '') || this.displace(entry.protocol, entry.peer);
  }

  /** Whether a peer that users trust could have the place of one that only asks for trust. */
  mayDisplace(protocol: Protocol<unknown>, peer: string): boolean {
    return protocol.trusts?.(peer) === true && this.#strangerOf(protocol) !== undefined;
  }

  /** Ends the handshake of the stranger that was here longest, for a peer that users trust. @returns whether there is room now */
  displace(protocol: Protocol<unknown>, peer: string): boolean {
    if (protocol.trusts?.(peer) !== true) return false;
    this.#strangerOf(protocol)?.displaced();
    return this.hasRoom(protocol, '');
  }

  /** Waits for a place; `then` is called when one may be free. The result gives up waiting. */
  wait(entry: Entry, then: () => void): () => void {
    this.#waiting.set(entry, then);
    return () => void this.#waiting.delete(entry);
  }

  isWaiting(entry: Entry): boolean {
    return this.#waiting.has(entry);
  }

  /** A place may be free: the first that waits for one has its turn; all have where a limit was raised. */
  resume(isForAll = false): void {
    if (this.#waiting.size === 0 || this.#isResuming) return;
    this.#isResuming = true; // Not from inside a transition of the connection that ended.
    this.side.clock.soon(() => {
      this.#isResuming = false;
      for (const [entry, then] of [...this.#waiting]) {
        if (!this.hasRoom(entry.protocol, '') && !this.mayDisplace(entry.protocol, entry.peer)) continue;
        this.#waiting.delete(entry);
        then();
        if (!isForAll) return;
      }
    });
  }

  /** Looked for only at a limit, and where users decide about peers: among as many as may be connected. */
  #strangerOf(protocol: Protocol<unknown>): Entry | undefined {
    for (const entry of this.side.entries()) {
      const isPairing = entry.protocol === protocol && entry.holdsPlace && entry.isEngaged && !entry.isCompleted;
      if (isPairing && entry.role === 'acceptor' && protocol.trusts?.(entry.peer) === false) return entry;
    }
    return undefined;
  }
}
