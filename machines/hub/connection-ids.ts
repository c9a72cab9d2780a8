import type { AnyActorRef } from 'xstate';
import type { Entropy } from '../ports.js';

/** Tells one start of a process from every other: with 48 bits, a million starts share none with a probability of 99.8 %. */
const START_BYTES = 6;

/**
 * Ids of connections for logs and events, such as `resume 5f0c2e9a71d3.4`: the protocol, this start of the engine, and the
 * connection's number in it; where one connection follows another under the same entry its round follows, and behind a space
 * what the entry is known by elsewhere (a peer, an address, a session of the peer's making). No two connections share an id,
 * on either side or after a restart.
 */
export class ConnectionIds {
  #start: string | undefined;

  constructor(readonly entropy: Entropy) {}

  /** `name`: the entry's own, protocol first; `#…` behind it says nothing elsewhere. */
  of(protocol: string, entry: number, round: number, name: string): string {
    this.#start ??= Array.from(this.entropy(START_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const label = name.slice(protocol.length);
    return `${protocol} ${this.#start}.${entry}${round > 1 ? `.${round}` : ''}${label.startsWith(' #') ? '' : label}`;
  }

  /** The number of the entry that such an id belongs to; undefined for what is no id of this start. */
  entryOf(id: string): number | undefined {
    const [, start, entry] = /^\S+ ([0-9a-f]+)\.(\d+)/.exec(id) ?? [];
    return start === undefined || start !== this.#start ? undefined : Number(entry);
  }
}

/** Makes `system.get(connection.id)` lead to the connection's actor, without a table: XState's own costs each connection two entries. */
export function installLookup({ system }: AnyActorRef, find: (id: string) => AnyActorRef | undefined): void {
  const get = system.get.bind(system);
  system.get = (id) => get(id) ?? find(String(id));
}
