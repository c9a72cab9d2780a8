/**
 * Where each link of a session dials, or is connected: known to the others from the moment on at which the link knows, for they may be
 * answered in the same turn.
 * @rule TUNA-5
 */
export class LinkAddresses {
  readonly #bySlot: (string | undefined)[] = [];

  /** `links`: a wire that is to replace that of link `i` has the slot `links + i`. */
  constructor(readonly links: number) {}

  /** Undefined: nowhere any more. */
  dials(slot: number, address: string | undefined): void {
    this.#bySlot[slot] = address;
  }

  /**
   * Which of the peer's addresses of the moment a link dials: its own, by number. Where another link is there already, or on its way
   * (the peer tells them in another order), the first that is no link's; and none where its own is missing, for those of the others
   * are theirs: the original compares them with the addresses of its live connections.
   */
  addressFor(index: number, offered: readonly (string | undefined)[]): string | undefined {
    const own = offered[index];
    if (own === undefined) return undefined;
    const left = [...offered];
    for (let slot = 0; slot < this.#bySlot.length; slot++) {
      const address = this.#bySlot[slot];
      const taken = slot % this.links === index || address === undefined ? -1 : left.indexOf(address);
      if (taken >= 0) left.splice(taken, 1);
    }
    return left.includes(own) ? own : left.find((address) => address !== undefined);
  }
}
