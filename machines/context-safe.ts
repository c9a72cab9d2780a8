import type { AnyActorLogic } from 'xstate';
import { unlisted } from './unlisted.js';

/** Where a copy by `{ ...protocol }` finds its chart: spreading copies symbols, while XState and `JSON.stringify` skip them. */
const CHART = Symbol('holdfast.chart');

interface WithChart {
  readonly name: string;
  readonly machine: AnyActorLogic;
  readonly delivery: string;
  readonly boundaries: string;
}

/** Gives an object a `toJSON` that is not listed: a short description in place of its methods and collaborators. */
export function describedBy<T extends object>(object: T, toJSON: () => object): T {
  return Object.defineProperty(object, 'toJSON', { value: toJSON, enumerable: false, configurable: true, writable: true });
}

/**
 * A protocol as an application holds it. A chart leads back to itself, so that XState could not persist a context with the protocol in
 * it: `machine` can be read and is not listed. A copy by spreading has it again once an engine gets it (`withChart`).
 */
export function asProtocol<P extends WithChart>(protocol: P): P {
  const { name, machine, delivery, boundaries } = protocol;
  Object.defineProperty(protocol, CHART, { value: machine, enumerable: true, configurable: true, writable: true });
  return describedBy(unlisted(protocol, ['machine']), () => ({ protocol: name, delivery, boundaries }));
}

/** The protocol itself, or, where spreading has left its chart behind, one like it that has it. */
export function withChart<P extends WithChart>(protocol: P): P {
  const { [CHART]: machine } = protocol as P & { readonly [CHART]?: AnyActorLogic };
  const isCopy = (protocol as Partial<WithChart>).machine === undefined && machine !== undefined;
  return isCopy ? asProtocol({ ...protocol, machine }) : protocol;
}
