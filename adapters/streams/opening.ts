import { abortedBy } from '../../machines/errors.js';
import type { SessionStream } from './stream.js';

/** A stream that was asked for: settles once, by the peer's answer, the end of the session, or its user's change of mind. */
export class Opening {
  readonly opened: Promise<SessionStream>;
  /** Its number, once it was said. */
  id: number | undefined;
  #resolve!: (stream: SessionStream) => void;
  #reject!: (error: Error) => void;

  constructor(
    readonly purpose: string,
    readonly target: string,
    readonly signal: AbortSignal | undefined,
    readonly giveUp: (opening: Opening) => void,
  ) {
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  succeed(stream: SessionStream): void {
    this.signal?.removeEventListener('abort', this.#abort);
    this.#resolve(stream);
  }

  fail(error: Error): void {
    this.signal?.removeEventListener('abort', this.#abort);
    this.#reject(error);
  }

  readonly #abort = (): void => {
    this.giveUp(this);
    this.#reject(abortedBy(this.signal!, 'the stream was given up before it was accepted'));
  };
}
