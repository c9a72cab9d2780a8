import type { Protocol } from '../protocol.js';
import { admitConnection } from './admission.js';
import type { ConnectionRecord } from './connection-record.js';

/** The hub, as counting connections needs it. */
export interface SlotsSide {
  readonly clock: { soon(fn: () => void): void };
  readonly options: { readonly connectionsMax: number | undefined; readonly connectionsPerPeerMax: number };
  readonly registry: { countOf(protocol: string): number; countOfPeer(protocol: string, peer: string): number };
  records(): Iterable<ConnectionRecord>;
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
export class ConnectionSlots {
  #byProtocol = new Map<string, number>();
  #taken = 0;
  #waiting = new Map<ConnectionRecord, () => void>();
  #isResuming = false;

  constructor(readonly side: SlotsSide) {}

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
    return admitConnection(limits, { connections, ofPeer }) === 'admit';
  }

  /** Takes or frees the place of `record`, after anything that may have changed whether it needs one. */
  settle(record: ConnectionRecord): void {
    const needs = !record.isRemoved && record.needsSlot;
    if (needs === record.holdsSlot) return;
    record.holdsSlot = needs;
    const change = needs ? 1 : -1;
    this.#taken += change;
    this.#byProtocol.set(record.protocol.name, this.takenBy(record.protocol.name) + change);
    this.side.counted();
    if (!needs) this.resume();
  }

  /** Whether `record` may be dialed now, if need be in the place of a stranger. */
  mayDial(record: ConnectionRecord): boolean {
    return record.holdsSlot || this.hasRoom(record.protocol, '') || this.displace(record.protocol, record.peer);
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
  wait(record: ConnectionRecord, then: () => void): () => void {
    this.#waiting.set(record, then);
    return () => void this.#waiting.delete(record);
  }

  isWaiting(record: ConnectionRecord): boolean {
    return this.#waiting.has(record);
  }

  /** A place may be free: the first that waits for one has its turn; all have where a limit was raised. */
  resume(isForAll = false): void {
    if (this.#waiting.size === 0 || this.#isResuming) return;
    this.#isResuming = true; // Not from inside a transition of the connection that ended.
    this.side.clock.soon(() => {
      this.#isResuming = false;
      for (const [record, then] of [...this.#waiting]) {
        if (!this.hasRoom(record.protocol, '') && !this.mayDisplace(record.protocol, record.peer)) continue;
        this.#waiting.delete(record);
        then();
        if (!isForAll) return;
      }
    });
  }

  /** Looked for only at a limit, and where users decide about peers: among as many as may be connected. */
  #strangerOf(protocol: Protocol<unknown>): ConnectionRecord | undefined {
    for (const record of this.side.records()) {
      const isPairing = record.protocol === protocol && record.holdsSlot && record.isEngaged && !record.isCompleted;
      if (isPairing && record.role === 'acceptor' && protocol.trusts?.(record.peer) === false) return record;
    }
    return undefined;
  }
}
