import type { AnyActorRef } from 'xstate';
import type { Engine } from '../../machines/engine.js';
import type { Entropy } from '../../machines/ports.js';

/** Looks on while a world runs: at every actor of its engines, and at the random bytes that tokens are made of. */
export interface Watcher {
  /** Called with the hub of each engine before it starts, and with each other root actor. `name`: its host. */
  watch(root: AnyActorRef, engine?: Engine, name?: string): void;
  /** The same bytes, remembered. */
  entropy(source: Entropy): Entropy;
}
