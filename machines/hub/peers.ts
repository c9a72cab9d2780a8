import { checkPeer } from '../arguments.js';
import { closing, type Closing } from '../closing.js';
import { API_STATES, type ApiState } from '../connection/api-state.js';
import { SessionError } from '../errors.js';
import { unlisted } from '../unlisted.js';
import type { ConnectionManager } from './connection-manager.js';
import type { ConnectionRecord } from './connection-record.js';

/** The present state of a peer. */
export interface PeerState {
  readonly state: ApiState;
  /** The state's stable number. */
  readonly number: number;
  readonly isRegistered: boolean;
  /** Dials in the current row; 0 when nothing has failed. */
  readonly attempt: number;
  /** As many connections as may be are there: it is dialed when one has ended. */
  readonly isWaitingForPlace?: true;
  /** Until the next dial may begin; absent when none is waiting. */
  readonly nextDelayMs?: number;
  /** Place among all that wait to dial, from 1. */
  readonly place?: number;
}

/** Registered peers, which the engine stays connected with, and trust in them. A peer is named by its address or id. */
export class Peers {
  constructor(
    readonly hub: ConnectionManager,
    readonly begin: (peer: string) => void,
    readonly end: (peer: string) => void,
  ) {
    unlisted(this);
  }

  toJSON(): object {
    return {};
  }

  /**
   * Keeps a connection to this peer until `unregister`: dials now, and again after every ending but a denial of trust and a
   * violation, no sooner than the peer said, else by the protocol's waits. All endings: `spec/rules/dialing.md`. Where as many
   * connections as may be are there, it waits until one ends (`isWaitingForPlace`, and the event `limitReached`).
   *
   * @throws SessionError `too-large` where as many registered peers wait as may (1024, or the limit of connections if that is more)
   */
  register(peer: string): void {
    const [protocol] = this.hub.options.protocols;
    if (protocol !== undefined && this.#recordOf(peer) === undefined && !this.hub.slots.mayWait(protocol)) {
      const most = this.hub.slots.waitingMax(protocol);
      throw new SessionError('too-large', `${peer}: as many registered peers wait to be dialed as may (${most})`);
    }
    this.reset(peer);
    this.begin(peer);
  }

  /** Ends the registration: an attempt under way is cancelled, a completed connection lives on. Safe for an unknown peer. */
  unregister(peer: string): void {
    checkPeer(peer);
    this.end(peer);
  }

  /** Forgets how often dialing has failed: the next dial comes after the first wait. */
  reset(peer: string): void {
    const record = this.#recordOf(peer);
    if (record !== undefined) this.hub.dialScheduler.reset(record.key);
  }

  /** Where it is is known better now: a dial that waits goes at once. `hasMoved`: one that has opened nothing yet begins anew. */
  hasten(peer: string, hasMoved: boolean): void {
    const record = this.#recordOf(peer);
    if (record === undefined) return;
    const message = 'the peer is announced at another address';
    if (hasMoved && record.isRegistered && record.state === 'initiated')
      record.ref?.send({ type: 'abort', closing: closing('unreachable', 'local', { message }) });
    this.hub.dialScheduler.hasten(record.key);
  }

  /** A limit was raised: registered peers that wait for a place are dialed. */
  placesChanged(): void {
    this.hub.slots.resume(true);
  }

  /**
   * Ends the handshake or connection under way; what is registered stays so. Settles with how it ended, or at once with undefined
   * where there is none.
   */
  async disconnect(peer: string, message?: string): Promise<Closing | undefined> {
    const record = this.#recordOf(peer);
    if (record?.isEngaged !== true) return undefined;
    return record.handle?.close(message === undefined ? {} : { message });
  }

  /** How the last attempt or connection ended, as long as the peer is known here. */
  lastClosing(peer: string): Closing | undefined {
    return this.#recordOf(peer)?.lastCause;
  }

  /** Answers a pairing request. Safe when there is none. */
  accept(peer: string): void {
    this.#recordOf(peer)?.ref?.send({ type: 'accept' });
  }
  /** Says no to a peer: a handshake under way ends in words, where the protocol has some. Nothing dials it by itself any more. */
  deny(peer: string): void {
    const record = this.#recordOf(peer);
    if (record === undefined) return;
    record.keep = undefined;
    record.ref?.send({ type: 'deny' });
  }

  state(peer: string): PeerState {
    const record = this.#recordOf(peer);
    if (record === undefined) return { state: 'none', number: 0, isRegistered: false, attempt: 0 };
    const { dialScheduler } = this.hub;
    const nextDelayMs = dialScheduler.nextDelayMs(record.key);
    const place = dialScheduler.place(record.key);
    return {
      state: record.state,
      number: API_STATES[record.state],
      isRegistered: record.isRegistered,
      attempt: dialScheduler.attempt(record.key),
      ...(nextDelayMs === undefined ? {} : { nextDelayMs }),
      ...(place === undefined ? {} : { place }),
      ...(this.hub.slots.isWaiting(record) ? { isWaitingForPlace: true } : {}),
    };
  }

  #recordOf(peer: string): ConnectionRecord | undefined {
    checkPeer(peer);
    return this.hub.recordOf(peer);
  }
}
