/**
 * How much each link may have under way. The whole window is given out, in shares that follow what each link delivers: every
 * acknowledged byte adds to its link's share, and then all shares are scaled back to the window. So in the end all links take the
 * same time for their share, however different they are, and none holds up the others.
 *
 * That is the original's rule, with two additions. A floor: a link that has had nothing to carry, or had a bad time, must be able to show
 * what it can do. And a pull towards equal shares: links that are equal deliver what they were given, so that nothing else would ever
 * bring back the share of one that has once had less.
 * @rule NCP-9
 */
export class Striping {
  #shares: Float64Array;
  #isCarrying: Uint8Array;
  #count = 0;

  constructor(
    links: number,
    public windowBytes: number,
  ) {
    this.#shares = new Float64Array(links);
    this.#isCarrying = new Uint8Array(links);
  }

  /** One more link may join. */
  grow(): void {
    this.#shares = Float64Array.from([...this.#shares, 0]);
    this.#isCarrying = Uint8Array.from([...this.#isCarrying, 0]);
  }

  get links(): number {
    return this.#count;
  }

  shareOf(link: number): number {
    return this.#shares[link]!;
  }

  /** A newcomer gets as much as each would have if all were equal. */
  join(link: number): void {
    if (this.#isCarrying[link] === 1) return;
    this.#isCarrying[link] = 1;
    this.#count++;
    this.#shares[link] = this.#count === 1 ? this.windowBytes : this.windowBytes / (this.#count - 1);
    this.scale();
  }

  leave(link: number): void {
    if (this.#isCarrying[link] === 0) return;
    this.#isCarrying[link] = 0;
    this.#shares[link] = 0;
    this.#count--;
    this.scale();
  }

  delivered(link: number, bytes: number): void {
    this.#shares[link]! += bytes;
  }

  lost(link: number): void {
    this.#shares[link]! /= 2;
  }

  /** After each round of changes: all shares together are the window again. */
  scale(): void {
    if (this.#count === 0) return;
    const floor = this.windowBytes / (FLOOR_PARTS * this.#count);
    let sum = 0;
    for (let i = 0; i < this.#shares.length; i++) {
      if (this.#isCarrying[i] === 0) continue;
      if (this.#shares[i]! < floor) this.#shares[i] = floor;
      sum += this.#shares[i]!;
    }
    const even = this.windowBytes / this.#count;
    const pull = EVENING * Math.max(0, 1 - this.windowBytes / sum); // By how much of the window was delivered since.
    const factor = (this.windowBytes / sum) * (1 - pull);
    for (let i = 0; i < this.#shares.length; i++)
      if (this.#isCarrying[i] === 1) this.#shares[i] = this.#shares[i]! * factor + pull * even;
  }
}

/** The part of the distance to an equal share that a window's worth of deliveries takes. Chosen by simulation (0 to 1). */
const EVENING = 0.125;
/** The least share is this part of an equal one. Chosen without measurement. */
const FLOOR_PARTS = 16;
