/**
 * Everything that a plane sends besides data: control frames to the peer, signals to its chart. Both are rare, so neither has a
 * queue while it is empty; an idle session keeps none.
 */
export abstract class ControlQueue<Signal> {
  #frame: Uint8Array | undefined; // The oldest: as a rule the only one, which needs no list.
  #frames: Uint8Array[] | undefined; // Those behind it.
  #signals: Signal[] | undefined;

  pollSignal(): Signal | undefined {
    const signal = this.#signals?.shift();
    if (this.#signals?.length === 0) this.#signals = undefined;
    return signal;
  }

  /** Queues a frame for the peer, before data. Returns the number of frames that wait now. */
  protected enqueue(frame: Uint8Array): number {
    if (this.#frame !== undefined) return 1 + (this.#frames ??= []).push(frame);
    this.#frame = frame;
    return 1;
  }

  protected nextFrame(): Uint8Array | undefined {
    const frame = this.#frame;
    if (frame === undefined) return undefined;
    this.#frame = this.#frames?.shift();
    if (this.#frames?.length === 0) this.#frames = undefined;
    return frame;
  }

  /** Drops the frames that were queued for a wire that is gone. */
  protected clear(): void {
    this.#frame = this.#frames = undefined;
  }

  /** Queues a signal for the chart. */
  protected notify(signal: Signal): void {
    (this.#signals ??= []).push(signal);
  }

  protected get hasSignals(): boolean {
    return this.#signals !== undefined;
  }
}
