import { ports as platformPorts } from '#platform';
import { callback, isThenable, reportCallback, type CallbackPorts } from '../../machines/callbacks.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { Ports } from '../../machines/ports.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import type { ShipPeers } from '../../machines/ship/ship.signals.js';
import type { Discovery } from './discovery.js';
import type { HubReader } from './reader.js';
import type { ShipTrace } from './trace.js';
import type { ShipTrust } from './trust.js';

export type GuardedPorts = Ports & Required<Pick<Ports, 'report'>>;

/**
 * A hub's ports: they report to `wanted`, where the hub was given one, and what that throws itself to the platform.
 */
export function guardedPorts(ports: Ports, wanted: Ports['report']): GuardedPorts {
  const { clock } = ports;
  const to = wanted ?? ports.report;
  const report = (name: string, error: unknown): void =>
    void callback(platformPorts, 'report', (): unknown =>
      to === undefined ? reportCallback({ clock }, name, error) : to(name, error),
    );
  return { clock, random: () => ports.random(), entropy: (bytes) => ports.entropy(bytes), report };
}

export function guardedTrace(trace: ShipTrace | undefined, ports: CallbackPorts): { readonly trace?: ShipTrace } {
  if (trace === undefined) return {};
  return { trace: (ski, direction, message) => void callback(ports, 'trace', (): unknown => trace(ski, direction, message)) };
}

/** A discovery that fails finds nothing. */
export function guardedFind(discovery: Discovery, ports: CallbackPorts): Pick<Discovery, 'find'> {
  return { find: (ski) => callback(ports, 'discovery.find', () => discovery.find(ski)) };
}

/**
 * Gives a connection to the reader. One that fails here must not stall it: its messages are taken then, and dropped, until the
 * application sets a handler by itself.
 */
export function setUpReader(reader: HubReader, connection: Connection<ShipPayload>, ports: CallbackPorts): void {
  const drop = (): void => {
    connection.onMessage ??= () => {};
  };
  const set = (handler: unknown): void => {
    if (handler === undefined) return;
    if (typeof handler === 'function') {
      connection.onMessage = (message): unknown => Reflect.apply(handler, undefined, [message]);
      return;
    }
    drop();
    reportCallback(
      ports,
      'reader.setupRemoteDevice',
      new TypeError(`setupRemoteDevice returns a function or nothing, got ${handler === null ? 'null' : typeof handler}`),
    );
  };
  try {
    const handler: unknown = reader.setupRemoteDevice?.(connection.peer, connection);
    if (!isThenable(handler)) return set(handler);
    Promise.resolve(handler).then(set, (error: unknown) => {
      drop();
      reportCallback(ports, 'reader.setupRemoteDevice', error);
    });
  } catch (error) {
    drop();
    reportCallback(ports, 'reader.setupRemoteDevice', error);
  }
}

/**
 * The application's side of a node, called in the midst of handshakes: whatever it throws, or an `async` callback rejects with, is
 * reported, and the node goes on as if it had answered nothing. Methods are looked up at each call, so they may be replaced.
 *
 * @rule SHIP-16
 */
export function guardedReader(reader: HubReader, ports: CallbackPorts): HubReader {
  return new Proxy(reader, {
    get: (target, name): unknown => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...parts: unknown[]): unknown =>
        settled(callback(ports, `reader.${String(name)}`, (): unknown => Reflect.apply(method, target, parts)));
    },
  });
}

/** A store that fails counts as empty. Errors of `set` and `remove` go to the caller, which may be the application. */
export function guardedTrust(trust: ShipTrust, ports: CallbackPorts): ShipTrust {
  return {
    has: (ski) => isYes(callback(ports, 'trust.has', () => trust.has(ski))),
    get: (ski) => settled(callback(ports, 'trust.get', () => trust.get(ski))),
    set: (service) => adopt(trust.set(service), 'trust.set', ports),
    remove: (ski) => adopt(trust.remove(ski), 'trust.remove', ports),
    values: () => callback(ports, 'trust.values', () => [...trust.values()]) ?? [],
    written: async () => trust.written?.(),
    close: async () => trust.close?.(),
    onFailed: (listener) => callback(ports, 'trust.onFailed', () => trust.onFailed?.(listener)) ?? ((): void => {}),
  };
}

/** A question that fails is answered by no. */
export function guardedPeers(peers: ShipPeers, ports: CallbackPorts): ShipPeers {
  return {
    isTrusted: (ski) => isYes(callback(ports, 'peers.isTrusted', () => peers.isTrusted(ski))),
    mayWait: (ski) => isYes(callback(ports, 'peers.mayWait', () => peers.mayWait(ski))),
    shipIdOf: (ski) => settled(callback(ports, 'peers.shipIdOf', () => peers.shipIdOf(ski))),
    learn: (ski, shipId) => void callback(ports, 'peers.learn', (): unknown => peers.learn(ski, shipId)),
  };
}

/** A store may be `async` where nothing waits for it. */
function adopt(result: unknown, name: string, ports: CallbackPorts): void {
  if (isThenable(result)) void callback(ports, name, () => result);
}

/** A promise is no yes: nothing here can wait for it. */
function isYes(answer: unknown): boolean {
  return !isThenable(answer) && Boolean(answer);
}

function settled<Value>(answer: Value): Value | undefined {
  return isThenable(answer) ? undefined : answer;
}
