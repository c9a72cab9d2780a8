import type { Host, HostNews } from '../ports.js';

/** What the hub does when the host says something of itself. */
export interface HostSide {
  /** Nothing is dialed until `release`. */
  hold(): void;
  /** What waits to dial goes at once, and wires are asked for a sign of life. */
  release(): void;
  /** Wires end without a word; sessions live on. */
  destroyWires(): void;
  /** The last words to every peer, given to the wires before this returns. */
  farewell(): void;
}

/** Holds dials while they can't succeed, and says goodbye while there is time. Returns how to stop. */
export function watchHost(host: Host | undefined, side: HostSide, leave: () => void): () => void {
  if (host === undefined) return () => undefined;
  let isFrozen = false;
  const settle = (): void => (isFrozen || !host.isOnline() ? side.hold() : side.release());
  const hear = (news: HostNews): void => {
    switch (news) {
      case 'online':
      case 'offline':
        return settle();
      case 'frozen':
        isFrozen = true;
        side.hold(); // Before the wires go, or the first would be dialed anew.
        return side.destroyWires();
      case 'thawed':
        if (!isFrozen) return; // A page that is shown for the first time.
        isFrozen = false;
        return settle();
      case 'left':
        leave();
        return side.farewell();
    }
  };
  if (!host.isOnline()) side.hold();
  return host.watch(hear);
}
