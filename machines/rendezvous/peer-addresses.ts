import type { PeerLink } from './peer-link.js';
import type { Hello, NodeId } from './rendezvous.messages.js';
import type { RendezvousLimits } from './rendezvous.timing.js';
import { ExpiringMap } from './expiring-map.js';

const UNANNOUNCED = { address: '', isClient: true };

/** The addresses in the verified Hellos of peers that are connected, or about to be, and the owner of each address. */
export class PeerAddresses {
  readonly #announced: ExpiringMap<NodeId, Pick<Hello, 'address' | 'isClient'>>; // Between its Hello and its connection.
  readonly #owners = new Map<string, NodeId>();

  constructor(limits: RendezvousLimits) {
    this.#announced = new ExpiringMap(limits.unidentifiedTimeoutMs, limits.connectionsMax);
  }

  announced({ from, address, isClient }: Hello, now: number): void {
    while (this.#announced.pollExpired(now) !== undefined);
    this.#announced.set(from, { address, isClient }, now);
  }

  /** Takes the address that this peer has just announced. */
  take(peer: NodeId, now: number): Pick<Hello, 'address' | 'isClient'> {
    const said = this.#announced.get(peer, now) ?? UNANNOUNCED;
    this.#announced.delete(peer);
    return said;
  }

  ownerOf(address: string): NodeId | undefined {
    return this.#owners.get(address);
  }

  add({ id, address }: PeerLink): void {
    if (address !== '') this.#owners.set(address, id);
  }
  remove({ id, address }: PeerLink): void {
    if (this.#owners.get(address) === id) this.#owners.delete(address);
  }
}
