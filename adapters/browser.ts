import { onUndeclaredStep } from '../machines/phase-table.js';
import type { Clock, Host, HostNews, Ports } from '../machines/ports.js';

/** A browser's clock, chance and entropy. */
export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, 2 ** 31 - 1)),
  clearTimeout: (handle) => clearTimeout(handle as number | undefined),
  soon: (fn) => queueMicrotask(fn),
};

/**
 * The network and page events of a browser. `page` is the window, `file` its document (a worker has none), both as event targets.
 * A page that goes to the back/forward cache is frozen, and any other page that is hidden for good is left.
 */
export function hostOf(page: EventTarget, file: EventTarget | undefined, isOnline: () => boolean): Host {
  return {
    isOnline,
    watch(onNews) {
      const ends: (() => void)[] = [];
      const on = (target: EventTarget | undefined, type: string, news: (event: Event) => HostNews): void => {
        const listener = (event: Event): void => onNews(news(event));
        target?.addEventListener(type, listener);
        ends.push(() => target?.removeEventListener(type, listener));
      };
      on(page, 'online', () => 'online');
      on(page, 'offline', () => 'offline');
      on(page, 'pagehide', (event) => ('persisted' in event && event.persisted === true ? 'frozen' : 'left'));
      on(page, 'pageshow', () => 'thawed');
      on(file, 'freeze', () => 'frozen');
      on(file, 'resume', () => 'thawed');
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

const hasEvents = typeof globalThis.addEventListener === 'function';
const file = typeof document === 'undefined' ? undefined : document;

/** The session goes on; the message is worth a report to the makers of this package. */
onUndeclaredStep((text) => console.error(`holdfast: ${text}`));

export const ports: Ports = {
  clock,
  random: Math.random,
  entropy: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  report: (callback, error) => console.error(`holdfast: ${callback} failed`, error),
  // Some hosts have no `onLine`; only `false` says something.
  ...(hasEvents ? { host: hostOf(globalThis, file, () => navigator.onLine !== false) } : {}),
};
