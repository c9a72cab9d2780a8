/**
 * What a plane has to say besides data: control frames to the peer, signals to its chart. Both are rare, so neither has a
 * queue while there is nothing to say; an idle session keeps none.
 */
export abstract class ControlQueue<Signal> {
  #frames: Uint8Array[] | undefined;
  #signals: Signal[] | undefined;

  pollSignal(): Signal | undefined {
    const signal = this.#signals?.shift();
    if (this.#signals?.length === 0) this.#signals = undefined;
    return signal;
  }

  /** For the peer, before data. Answers how many wait now. */
  protected enqueue(frame: Uint8Array): number {
    return (this.#frames ??= []).push(frame);
  }

  protected nextFrame(): Uint8Array | undefined {
    const frame = this.#frames?.shift();
    if (this.#frames?.length === 0) this.#frames = undefined;
    return frame;
  }

  /** The wire is gone; nobody hears what was still to be said. */
  protected clear(): void {
    this.#frames = undefined;
  }

  /** For the chart. */
  protected notify(signal: Signal): void {
    (this.#signals ??= []).push(signal);
  }

  protected get hasSignals(): boolean {
    return this.#signals !== undefined;
  }
}
