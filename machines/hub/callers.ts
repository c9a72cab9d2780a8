import type { Closing } from '../closing.js';
import type { ConnectionHandle } from '../connection/connection-handle.js';
import type { Caller } from './connect-request.js';

/** Callers that wait for one connection. Most connections have none, and then this costs nothing. */
export class Callers {
  #waiting: Set<Caller> | undefined;

  get isEmpty(): boolean {
    return this.#waiting === undefined;
  }

  /** `leave` is called when the caller gives up. */
  add(caller: Caller, leave: () => void): void {
    (this.#waiting ??= new Set()).add(caller);
    caller.withdraw = leave;
  }

  /** False for a caller that does not wait. */
  delete(caller: Caller): boolean {
    if (this.#waiting?.delete(caller) !== true) return false;
    if (this.#waiting.size === 0) this.#waiting = undefined;
    return true;
  }

  connected(handle: ConnectionHandle<unknown>): void {
    for (const caller of this.take()) caller.connected(handle);
  }
  failed(cause: Closing): void {
    for (const caller of this.take()) caller.failed(cause);
  }

  /** All of them; none waits here any more. */
  take(): readonly Caller[] {
    const callers = [...(this.#waiting ?? [])];
    this.#waiting = undefined;
    for (const caller of callers) delete caller.withdraw;
    return callers;
  }
}
