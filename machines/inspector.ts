import { toObserver, type InspectionEvent, type Observer } from 'xstate';

/** What `inspect` takes: a function, or an observer with `next`, such as `createInspector().inspect` of `@statelyai/inspect`. */
export type Inspector = ((event: InspectionEvent) => void) | Observer<InspectionEvent>;

/** A throwing inspector would break `start` and `send` (xstate.md). */
export function guarded(inspect: Inspector): (event: InspectionEvent) => void {
  const observer = toObserver(inspect);
  return (event) => {
    try {
      observer.next?.(event);
    } catch {
      // An observer's fault is not the engine's.
    }
  };
}
