import { toObserver, type InspectionEvent, type Observer } from 'xstate';
import { callback, type CallbackPorts } from './callbacks.js';

/** The type of `inspect`: a function, or an observer with `next`, such as `createInspector().inspect` of `@statelyai/inspect`. */
export type Inspector = ((event: InspectionEvent) => void) | Observer<InspectionEvent>;

/** A throwing inspector would break `start` and `send`: what it throws or rejects with is reported. */
export function guarded(inspect: Inspector, ports: CallbackPorts): (event: InspectionEvent) => void {
  const observer = toObserver(inspect);
  return (event) => void callback(ports, 'inspect', () => observer.next?.(event));
}
