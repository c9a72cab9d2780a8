import { assert } from '../errors.js';
import type { Role } from '../tie-break.js';

/**
 * Which connection belongs to whom: at most one per key, whatever the interleaving of callers and incoming wires.
 * Pure, and every operation costs the same with 10 entries and with 100 000.
 *
 * A dialer may know no more of a peer than an address. Its entry then stands under that address until the handshake names
 * the peer (`identify`); should two entries turn out to be one peer, they merge, and both names lead to the winner.
 */

/** (protocol, peer, label). Resume and Tuna put the session id into `label`; SHIP, pool and rendezvous fix it. */
export interface ConnectionKey {
  readonly protocol: string;
  /** The identity, or what stands for it until it is known (a URL). Empty where the key doesn't depend on the peer. */
  readonly peer: string;
  readonly label: string;
}

export interface RegistryEntry<Value> {
  /** Never used twice. The connection's key in the supervisor. */
  readonly id: number;
  readonly key: ConnectionKey;
  /** The peer that it counts for. `key.peer` unless `attribute` changed it. */
  readonly peer: string;
  /** Changes when an incoming wire takes over an attempt. */
  role: Role;
  value: Value;
}

/** Names that one entry may go by; the oldest one beside its present key is forgotten beyond this. */
const NAMES_MAX = 8;

interface RegistryRow<Value> extends RegistryEntry<Value> {
  key: ConnectionKey;
  peer: string;
  readonly names: string[]; // Every name in `#byName` that leads here; the last one is that of `key`.
}

export class Registry<Value> {
  readonly #byId = new Map<number, RegistryRow<Value>>();
  readonly #byName = new Map<string, RegistryRow<Value>>();
  readonly #byPeer = new Map<string, Set<RegistryRow<Value>>>();
  readonly #byProtocol = new Map<string, number>();
  #lastId = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** The connection that goes by this key, or once did. */
  find(key: ConnectionKey): RegistryEntry<Value> | undefined {
    return this.#byName.get(nameOf(key));
  }

  get(id: number): RegistryEntry<Value> | undefined {
    return this.#byId.get(id);
  }

  values(): IterableIterator<RegistryEntry<Value>> {
    return this.#byId.values();
  }

  countOf(protocol: string): number {
    return this.#byProtocol.get(protocol) ?? 0;
  }

  countOfPeer(protocol: string, peer: string): number {
    return this.#byPeer.get(peerName(protocol, peer))?.size ?? 0;
  }

  /** All connections of one peer; empty for the nameless. */
  ofPeer(protocol: string, peer: string): Iterable<RegistryEntry<Value>> {
    return this.#byPeer.get(peerName(protocol, peer)) ?? [];
  }

  /** `held`: another connection has the key; `find` returns it. */
  add(key: ConnectionKey, role: Role, value: Value): RegistryEntry<Value> | 'held' {
    const name = nameOf(key);
    if (this.#byName.has(name)) return 'held';
    const row: RegistryRow<Value> = { id: ++this.#lastId, key, peer: key.peer, role, value, names: [name] };
    this.#byId.set(row.id, row);
    this.#byName.set(name, row);
    this.#byProtocol.set(key.protocol, this.countOf(key.protocol) + 1);
    this.#enlist(row);
    return row;
  }

  /** Sets the peer that a connection counts for where its key doesn't: a session id belongs to no peer until the wire proves an identity. */
  attribute(id: number, peer: string): void {
    const row = this.#byId.get(id);
    if (row === undefined || row.peer === peer) return;
    this.#delist(row);
    row.peer = peer;
    this.#enlist(row);
  }

  /**
   * The peer of connection `id` is known now: it goes by `key` from here on, and by its former names too. A connection that held that
   * key is out, and its names lead here; the result is for closing it as `lost-tie-break` and for its callers.
   */
  identify(id: number, key: ConnectionKey): RegistryEntry<Value> | undefined {
    const row = this.#byId.get(id);
    assert(row !== undefined, 'an identified connection is in the registry');
    assert(row.key.protocol === key.protocol, 'a connection stays with its protocol');
    const other = this.#byName.get(nameOf(key));
    if (other !== undefined && other !== row) this.yieldTo(other.id, row.id);
    this.#lead(nameOf(key), row);
    row.key = key;
    this.attribute(row.id, key.peer);
    return other === row ? undefined : other;
  }

  /** Two connections turned out to be to one peer: the loser is out, and its names lead to the winner. */
  yieldTo(loserId: number, winnerId: number): void {
    const [loser, winner] = [this.#byId.get(loserId), this.#byId.get(winnerId)];
    assert(loser !== undefined && winner !== undefined && loser !== winner, 'both are in the registry');
    const own = winner.names.at(-1);
    this.#withdraw(loser);
    for (const name of loser.names) this.#lead(name, winner);
    if (own !== undefined) this.#lead(own, winner); // The name of its key stays the newest: it is never forgotten.
  }

  /** Out, with all its names. Safe for an id that is gone. */
  remove(id: number): RegistryEntry<Value> | undefined {
    const row = this.#byId.get(id);
    if (row === undefined) return undefined;
    this.#withdraw(row);
    for (const name of row.names) this.#byName.delete(name);
    return row;
  }

  #withdraw(row: RegistryRow<Value>): void {
    this.#byId.delete(row.id);
    const { protocol } = row.key;
    const left = this.countOf(protocol) - 1;
    if (left > 0) this.#byProtocol.set(protocol, left);
    else this.#byProtocol.delete(protocol);
    this.#delist(row);
  }

  /** Makes `name` lead to `row`, as its newest name. */
  #lead(name: string, row: RegistryRow<Value>): void {
    const known = row.names.indexOf(name);
    if (known >= 0) row.names.splice(known, 1);
    row.names.push(name);
    this.#byName.set(name, row);
    if (row.names.length > NAMES_MAX) this.#byName.delete(row.names.shift() ?? '');
  }

  #enlist(row: RegistryRow<Value>): void {
    if (row.peer === '') return;
    const name = peerName(row.key.protocol, row.peer);
    const rows = this.#byPeer.get(name);
    if (rows === undefined) this.#byPeer.set(name, new Set([row]));
    else rows.add(row);
  }

  #delist(row: RegistryRow<Value>): void {
    const name = peerName(row.key.protocol, row.peer);
    const rows = this.#byPeer.get(name);
    if (rows?.delete(row) && rows.size === 0) this.#byPeer.delete(name);
  }
}

/** Lengths first, so that no peer can choose an id which reads like another peer's key. */
function nameOf({ protocol, peer, label }: ConnectionKey): string {
  return `${protocol.length}.${peer.length}.${protocol}${peer}${label}`;
}

function peerName(protocol: string, peer: string): string {
  return `${protocol.length}.${protocol}${peer}`;
}
