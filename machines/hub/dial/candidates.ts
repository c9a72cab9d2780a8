/** Addresses remembered to have failed, at most; the oldest failure is forgotten. */
const FAILED_MAX = 64;

/**
 * Which of several addresses of one peer to try first. One that accepted a connection and then failed (said nothing, spoke
 * another protocol, was another peer) counts as failed for the next dial, and comes behind those that did not. Addresses
 * that merely refuse need no memory: the race inside one dial passes them by. @rule DIAL-6
 */
export class Candidates {
  readonly #failed = new Map<string, true>(); // Oldest failure first.
  #offered: readonly string[] = [];
  #isNews = false; // The last failure was the first one of that address since it was well.

  /** In the order in which to try them: as given, those that failed last, the longest ago first. */
  order(addresses: readonly string[]): readonly string[] {
    this.#offered = addresses;
    if (this.#failed.size === 0) return addresses;
    const ages = new Map([...this.#failed.keys()].map((address, age) => [address, age]));
    return [...addresses].sort((a, b) => (ages.get(a) ?? -1) - (ages.get(b) ?? -1));
  }

  strike(address: string): void {
    this.#isNews = !this.#failed.delete(address);
    this.#failed.set(address, true);
    if (this.#failed.size <= FAILED_MAX) return;
    const [oldest] = this.#failed.keys();
    this.#failed.delete(oldest!);
  }

  /** The peer was there. */
  forgive(address: string): void {
    this.#failed.delete(address);
  }

  /** One of those that were offered last has not failed yet, and the last one to fail was tried for the first time. */
  get hasUntried(): boolean {
    return this.#isNews && this.#offered.length > 1 && this.#offered.some((address) => !this.#failed.has(address));
  }
}
