import { closing } from '../closing.js';
import type { Connection } from '../connection/connection-handle.js';
import type { ConnectionRecord } from './connection-record.js';

/** Operations on all connections of a hub at once: at a shutdown, and when the host sleeps, wakes or leaves. */

/** The holder of a hub's connections. */
interface Hub {
  records(): Iterable<ConnectionRecord>;
}

/** Nothing is dialed any more, and what is not a connection yet ends. */
export function cancelAttempts(
  hub: Hub & {
    readonly dialScheduler: { cancelAll(): void };
    readonly router: { close(): void };
    remove(record: ConnectionRecord): void;
  },
): void {
  hub.dialScheduler.cancelAll();
  hub.router.close();
  for (const record of [...hub.records()]) {
    record.keep = undefined;
    if (record.state === 'none')
      hub.remove(record); // At rest: there is nothing to wait for.
    else if (!record.isCompleted) record.ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
  }
}

export function closeConnections(hub: Hub): void {
  for (const { ref } of [...hub.records()]) ref?.send({ type: 'close', now: false, reason: 'shutdown' });
}

/** The sessions that messages can be written to, those without a wire at the moment too. */
export function* completed(hub: Hub): Iterable<Connection<unknown>> {
  for (const { isCompleted, handle } of hub.records()) if (isCompleted && handle?.isClosing === false) yield handle;
}

export function abortConnections(hub: Hub): void {
  for (const { ref } of [...hub.records()]) ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
}

/** Asks every peer to come back after a time of its own within `overMs`, so that they don't return all at once. */
export function drain(hub: Hub & { readonly ports: { random(): number } }, overMs: number): void {
  for (const { ref, isCompleted } of [...hub.records()])
    if (isCompleted) ref?.send({ type: 'drain', afterMs: Math.floor(hub.ports.random() * overMs) });
}

/** Says goodbye without waiting for anything: what was sent goes before it, the rest is lost with the page. */
export function farewell(hub: Hub): void {
  for (const { ref } of [...hub.records()]) ref?.send({ type: 'close', now: true, reason: 'shutdown' });
}

/** The host woke: asks every wire for a sign of life. */
export function probe(hub: Hub): void {
  for (const { ref, isCompleted } of hub.records()) if (isCompleted) ref?.send({ type: 'probe' });
}
