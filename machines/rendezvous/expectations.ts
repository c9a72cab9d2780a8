import type { ActorRefFrom, AnyActorRef } from 'xstate';
import type { Engine } from '../engine.js';
import { supervised, type SupervisorNotice } from '../runtime/supervisor.js';
import type { Clock } from '../ports.js';
import type { Authorizer } from './authorizer.js';
import type { MeetResult } from './node.settings.js';
import type { Peer } from './peer-link.js';
import type { NodeId } from './rendezvous.messages.js';
import type { rendezvousMachine } from './rendezvous.machine.js';
import type { Outcome } from './rendezvous.outcomes.js';
import type { PeerEvent, PeerOutput, PeerPort } from './rendezvous.setup.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

/** The node, as expectations need it. */
export interface ExpectationsContext {
  readonly limits: RendezvousLimits;
  readonly authorizer: Authorizer;
  readonly signaling: { send(to: NodeId, message: Uint8Array): void; forget(peer: NodeId): void };
  readonly engine: Engine;
  readonly clock: Clock;
  /** The certificate that this node vouches for, where it does: then dials hold peers to theirs. */
  readonly certificate: string | undefined;
  readonly supervisor: AnyActorRef | undefined;
  peer(id: NodeId): Peer | undefined;
  count(outcome: Outcome): void;
}

/**
 * The peers that are expected: one actor each, its requests and dials, the callers that wait for its outcome, and the one timer
 * that lets expectations lapse.
 */
export class Expectations implements PeerPort {
  readonly #dials = new Map<NodeId, AbortController>();
  readonly #waiting = new Map<NodeId, ((result: MeetResult) => void)[]>();
  #timer: unknown;
  #timerAt = Infinity;
  #isOver = false;

  readonly #side: ExpectationsContext;

  constructor(side: ExpectationsContext) {
    this.#side = side;
  }

  /** Each chart has it in its context. */
  toJSON(): string {
    return 'expectations';
  }

  get limits(): RendezvousLimits {
    return this.#side.limits;
  }
  get size(): number {
    return this.#actors.size;
  }
  get timers(): number {
    return this.#timer === undefined ? 0 : 1;
  }
  has(peer: NodeId): boolean {
    return this.#actors.has(peer);
  }

  /** Expects this peer from now on; without effect where it is expected already. */
  expect(peer: NodeId): void {
    this.#side.supervisor?.send({ type: 'spawn', key: peer, input: { peer, port: this } });
  }

  tell(peer: NodeId, event: PeerEvent): void {
    this.#actors.get(peer)?.send(event);
  }

  /** Always resolves, with the outcome. */
  wait(peer: NodeId): Promise<MeetResult> {
    return new Promise((resolve) => void this.#waiting.set(peer, [...(this.#waiting.get(peer) ?? []), resolve]));
  }

  /** The peer is connected; its dial, if there was one, is done. */
  met(peer: NodeId): void {
    this.#side.authorizer.met(peer, this.#now());
    this.#dials.delete(peer);
    this.tell(peer, { type: 'connection.made' });
    this.arm();
  }

  ended(notice: SupervisorNotice): void {
    const peer = String(notice.key);
    const outcome = notice.type === 'connection.ended' ? (notice.output as PeerOutput).outcome : 'reset';
    this.#side.signaling.forget(peer);
    this.#side.authorizer.expected.dropPeer(peer, this.#now());
    this.#side.count(outcome);
    this.#settle(peer, outcome);
    this.arm();
  }

  /** Lets all expectations lapse. */
  reset(): void {
    for (const peer of new Set([...this.#side.authorizer.reset(), ...this.#actors.keys()]))
      this.tell(String(peer), { type: 'lapse', outcome: 'reset' });
    this.arm();
  }

  stop(): void {
    this.#isOver = true;
    this.#side.authorizer.reset();
    this.arm();
    for (const dial of [...this.#dials.values()]) dial.abort();
    this.#dials.clear();
    for (const peer of [...this.#waiting.keys()]) this.#settle(peer, 'terminated');
  }

  /** Drops expectations that are due, and sets one timer for the next. */
  arm(): void {
    const { authorizer, clock } = this.#side;
    for (let lapsed; (lapsed = authorizer.pollLapsed(clock.now())) !== undefined;)
      if (!authorizer.expected.has(lapsed.peer)) this.tell(lapsed.peer, { type: 'lapse', outcome: lapsed.outcome });
    const at = this.#isOver ? Infinity : (authorizer.expected.nextTimeout() ?? Infinity);
    if (at === this.#timerAt) return;
    clock.clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = at === Infinity ? undefined : clock.setTimeout(this.#due, at - clock.now());
  }

  // Called by the actors.

  sendRequest(peer: NodeId): void {
    this.#side.signaling.send(peer, this.#side.authorizer.request(peer, this.#now()));
    this.arm();
  }
  hasMessage(peer: NodeId): boolean {
    return this.#side.authorizer.nonceFor(peer, this.#now()) !== undefined;
  }
  isReachable(peer: NodeId): boolean {
    return (this.#side.authorizer.contactInfoOf(peer, this.#now())?.addresses.length ?? 0) > 0;
  }
  dial(peer: NodeId): void {
    const contactInfo = this.#side.authorizer.contactInfoOf(peer, this.#now());
    if (contactInfo === undefined) return this.tell(peer, { type: 'attempt.failed' });
    const dial = new AbortController();
    this.#dials.set(peer, dial);
    const { addresses, certificate } = contactInfo;
    const isBound = this.#side.certificate !== undefined && certificate !== undefined;
    const settled = (event: PeerEvent): void => {
      if (this.#dials.get(peer) !== dial) return;
      this.#dials.delete(peer);
      this.tell(peer, event);
    };
    this.#side.engine.connect(addresses, { peer, signal: dial.signal, ...(isBound ? { fingerprints: [certificate] } : {}) }).then(
      () => settled({ type: 'connection.made' }), // It may have been there all the time.
      () => settled({ type: 'attempt.failed' }),
    );
  }
  cancelDial(peer: NodeId): void {
    const dial = this.#dials.get(peer);
    this.#dials.delete(peer);
    dial?.abort();
  }

  get #actors(): ReadonlyMap<string | number, ActorRefFrom<typeof rendezvousMachine>> {
    const { supervisor } = this.#side;
    return supervisor === undefined ? NO_ACTORS : supervised(supervisor);
  }

  #now(): number {
    return this.#side.clock.now();
  }

  #settle(peer: NodeId, outcome: Outcome): void {
    const waiting = this.#waiting.get(peer) ?? [];
    this.#waiting.delete(peer);
    const found = this.#side.peer(peer);
    for (const resolve of waiting)
      resolve(found !== undefined ? { outcome: 'met', peer: found } : { outcome: outcome === 'met' ? 'reset' : outcome });
  }

  readonly #due = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.arm();
  };
}

const NO_ACTORS: ReadonlyMap<string | number, ActorRefFrom<typeof rendezvousMachine>> = new Map();
