import { closing } from '../closing.js';
import type { Clock, Identity, Opener } from '../ports.js';
import type { Protocol } from '../protocol.js';
import type { Known } from './door.js';
import type { Entry } from './entry.js';
import { RETRY_AFTER_MS } from './listeners.js';
import { crossing, type ConnectionKey, type Registry, type Role } from './registry.js';

/** What the reception needs of the hub. */
export interface ReceptionSide {
  readonly clock: Clock;
  readonly registry: Registry<Entry>;
  readonly isBusy: boolean;
  /** Whether one more connection of this protocol, and of this peer, would pass a limit. */
  hasRoom(protocol: Protocol<unknown>, peer: string): boolean;
  refused(remoteAddress: string, code: string): void;
  /** A new connection that came from outside; what is missing for it to live is its wire. */
  spawn(key: ConnectionKey, protocol: Protocol<unknown>, remoteAddress: string): Entry;
}

export interface Arrival {
  readonly identity: Identity | undefined;
  readonly remoteAddress: string;
}

/** Bytes to say before the wire is closed; none to close it without a word. */
type Answer = Uint8Array | 'taken' | undefined;
type RefusalCode = Parameters<Protocol<unknown>['refusal']>[0];

/** Ended sessions remembered at once; beyond it a late return hears `unknown-session`. */
const TOMBSTONES_MAX = 10_000;

/**
 * Decides about wires that have said whose they are: back to the session they name, to a new connection, in the place of an
 * attempt of our own to the same peer (simultaneous open), or away with words that say why.
 */
export class Reception {
  #tombstones = new Map<string, unknown>(); // Ended sessions, and the timers that forget them.

  constructor(readonly side: ReceptionSide) {}

  arrived(protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Answer {
    const key = keyOf(protocol, known.label);
    const found = this.side.registry.find(key)?.value;
    if (found?.isEngaged === true) {
      if (protocol.keyed === 'peer') return this.#meet(found, protocol, known, about, opener);
      const verdict = found.session?.judge?.(known.opening, about.identity);
      if (verdict?.admit === false) {
        this.side.refused(about.remoteAddress, verdict.code);
        return verdict.say;
      }
      return this.#offer(found, known, about, opener);
    }
    const refusal = this.#refusalOf(protocol, known, found, about);
    if (refusal !== undefined) return this.#refuse(protocol, refusal, about);
    return this.#offer(found ?? this.side.spawn(key, protocol, about.remoteAddress), known, about, opener);
  }

  /** A session has ended: who comes back to it late shall hear so. */
  remember(entry: Entry): void {
    const { clock } = this.side;
    const { key, protocol } = entry;
    if (protocol.tombstoneMs === 0) return;
    clock.clearTimeout(this.#tombstones.get(key));
    this.#tombstones.delete(key);
    if (this.#tombstones.size >= TOMBSTONES_MAX) return;
    this.#tombstones.set(
      key,
      clock.setTimeout(() => this.#tombstones.delete(key), protocol.tombstoneMs),
    );
  }

  forgetAll(): void {
    for (const timer of this.#tombstones.values()) this.side.clock.clearTimeout(timer);
    this.#tombstones.clear();
  }

  /** The peer dialed while there is a connection to it, or an attempt: one of the two must go, and both sides agree on which. */
  #meet(found: Entry, protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Answer {
    const verdict = crossingOf(protocol, known.label, found.role, 'acceptor');
    if (verdict !== 'replace') {
      // Either its dial crossed ours, or the peer has lost what we hold for alive: it will ask again, and by then we know.
      if (found.isCompleted) found.ref?.send({ type: 'probe' });
      return this.#refuse(protocol, 'crossed', about);
    }
    if (found.role === 'dialer' && (found.state === 'initiated' || found.state === 'inProgress')) {
      found.identity ??= about.identity;
      found.ref?.send({ type: 'crossed', opener, opening: known.opening });
      return 'taken';
    }
    found.ref?.send({ type: 'abort', closing: closing('replaced', 'remote') });
    return this.arrived(protocol, known, about, opener);
  }

  #offer(entry: Entry, known: Known, about: Arrival, opener: Opener): 'taken' {
    entry.identity ??= about.identity;
    entry.ref!.send({ type: 'offered', opener, opening: known.opening, isTrusted: entry.protocol.trusts?.(entry.peer) ?? true });
    return 'taken';
  }

  #refuse(protocol: Protocol<unknown>, code: RefusalCode, { remoteAddress }: Arrival): Uint8Array | undefined {
    this.side.refused(remoteAddress, code);
    return protocol.refusal(code, code === 'busy' || code === 'limit-reached' || code === 'crossed' ? RETRY_AFTER_MS : 0);
  }

  #refusalOf(
    protocol: Protocol<unknown>,
    known: Known,
    found: Entry | undefined,
    { identity }: Arrival,
  ): RefusalCode | undefined {
    if (!known.isNew) return this.#tombstones.has(nameOf(protocol, known.label)) ? 'ended' : 'unknown-session';
    if (this.side.isBusy) return 'busy';
    if (found !== undefined) return undefined; // It waits for its turn to dial, and holds its place already.
    return this.side.hasRoom(protocol, identity?.fingerprint ?? '') ? undefined : 'limit-reached';
  }
}

/** What of two connections to `peer` becomes of the second one. Without identities to compare, the newer one counts. */
export function crossingOf(
  protocol: Protocol<unknown>,
  peer: string,
  current: Role,
  candidate: Role,
): 'keep' | 'replace' | 'wait' {
  return protocol.ties === undefined ? 'replace' : crossing(protocol.ties, peer, current, candidate);
}

/** Under which key a session or a peer stands in the registry. */
export function keyOf(protocol: Protocol<unknown>, label: string): ConnectionKey {
  const isPeer = protocol.keyed === 'peer';
  return { protocol: protocol.name, peer: isPeer ? label : '', label: isPeer ? '' : label };
}

/** The same for people, queues and logs. */
export function nameOf(protocol: Protocol<unknown>, label: string): string {
  return `${protocol.name} ${label}`;
}
