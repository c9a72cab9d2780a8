import { WakeDetector } from '../dataplane/liveness.js';
import type { Clock, Host, HostNews } from '../ports.js';

/** News of the host, for the hub's chart. */
export type HostEvent =
  /** No dial can succeed until `host.released`. */
  | { type: 'host.held' }
  | { type: 'host.released' }
  /** Nothing of this process runs from here on, until `host.released`, which may never come. */
  | { type: 'host.frozen' }
  /** The page goes, and there is time for last words alone. */
  | { type: 'host.left' }
  /** It slept, and did not say so. */
  | { type: 'host.woke' };

/** Tells what a host with a network of its own, or a page, says of itself. Returns how to stop. @rule DIAL-8 */
export function watchHost(host: Host | undefined, tell: (event: HostEvent) => void): () => void {
  if (host === undefined) return () => undefined;
  let isFrozen = false;
  const settle = (): void => tell({ type: isFrozen || !host.isOnline() ? 'host.held' : 'host.released' });
  const listener = (news: HostNews): void => {
    switch (news) {
      case 'online':
      case 'offline':
        return settle();
      case 'frozen':
        isFrozen = true;
        return tell({ type: 'host.frozen' });
      case 'thawed':
        if (!isFrozen) return; // A page that is shown for the first time.
        isFrozen = false;
        return settle();
      case 'left':
        return tell({ type: 'host.left' });
    }
  };
  if (!host.isOnline()) tell({ type: 'host.held' });
  return host.watch(listener);
}

/** Looks once a second whether the host slept. Returns how to stop. */
export function watchSleep(clock: Clock, tell: (event: HostEvent) => void, tick: () => void): () => void {
  const wake = new WakeDetector(clock.now(), clock.wall());
  let timer: unknown;
  const look = (): void => {
    if (wake.handleTick(clock.now(), clock.wall()) === 'woken') tell({ type: 'host.woke' });
    tick();
    timer = clock.setTimeout(look, wake.nextTick() - clock.now());
  };
  timer = clock.setTimeout(look, wake.nextTick() - clock.now());
  return () => clock.clearTimeout(timer);
}
