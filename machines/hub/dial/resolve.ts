import { textsOf, wordsOf } from '../../callbacks.js';
import type { Clock, Opener, Resolver, WireCause } from '../../ports.js';

/**
 * Looks a peer up and dials what is found, as one attempt: `several` races addresses that can be dialed. A resolver that
 * says nothing, or only addresses that can't be dialed, ends the attempt as `resolve-failed`.
 */
export function resolveThenDial(
  resolver: Resolver,
  peer: string,
  dial: (address: string) => Opener,
  several: (addresses: readonly string[]) => Opener,
  clock: Clock,
): Opener {
  return (handler) => {
    let abort: (() => void) | undefined;
    let isOver = false;
    const fail = (cause: WireCause): void => {
      isOver = true;
      handler.onClose(cause);
    };
    const found = (addresses: unknown, why: unknown): void => {
      if (isOver) return;
      const read = textsOf(addresses);
      if ('reason' in read) return fail({ kind: 'resolve-failed', reason: 'the resolver gave no list of addresses' });
      const right: string[] = [];
      let reason = typeof why === 'string' ? why : `no address is known for ${peer}`;
      for (const address of read.texts) {
        try {
          dial(address); // Throws for an address that can't be right.
          right.push(address);
        } catch (error) {
          reason = error instanceof Error ? error.message : String(error);
        }
      }
      if (right.length === 0) return fail({ kind: 'resolve-failed', reason });
      isOver = true;
      abort = several(right)(handler);
    };
    // An answer from memory comes before `resolve` has returned, and must not be handled inside this call.
    let cancel: unknown;
    try {
      cancel = resolver.resolve(peer, (addresses, reason) => clock.soon(() => found(addresses, reason)));
    } catch (error) {
      clock.soon(() => found([], `the resolver failed: ${wordsOf(error)}`));
    }
    return () => {
      if (abort !== undefined) return abort();
      if (isOver) return;
      isOver = true;
      cancelled(cancel);
      clock.soon(() => handler.onClose({ kind: 'aborted' }));
    };
  };
}

/** A resolver that gives no function to stop it can't be stopped; one that fails while it stops has stopped. */
function cancelled(cancel: unknown): void {
  try {
    if (typeof cancel === 'function') cancel();
  } catch {
    // The attempt is over already.
  }
}
