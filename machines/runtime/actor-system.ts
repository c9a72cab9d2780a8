import type { AnyActorRef, EventObject } from 'xstate';
import { deliver, makeSystem, relay, type System } from './xstate-internals.js';

/**
 * The state that all actors of a system share. Each compact actor holds it, so that none has to ask its ancestors, and reports to inspectors are
 * made only where there is one.
 */
export class ActorSystem {
  /** True while an inspector may be attached. Always true for a system that is not ours: it doesn't say. */
  isInspected: boolean;

  private constructor(
    readonly system: System,
    isOurs: boolean,
  ) {
    this.isInspected = !isOurs;
    if (isOurs) this.#countInspectors();
    known.set(system, this);
  }

  /** That of an actor whose root is XState's own. */
  static of(system: System): ActorSystem {
    return known.get(system) ?? new ActorSystem(system, false);
  }

  /** A new one, and the session id of its root. */
  static make(clock: Parameters<typeof makeSystem>[0]): { readonly shared: ActorSystem; readonly sessionId: string } {
    const { system, sessionId } = makeSystem(clock);
    return { shared: new ActorSystem(system, true), sessionId };
  }

  /** Delivers an event, and reports it to inspectors with its source. */
  relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
    if (this.isInspected) relay(this.system, source, target, event);
    else deliver(target, event);
  }

  #countInspectors(): void {
    const { system } = this;
    const inspect = system.inspect.bind(system);
    let inspectors = 0;
    system.inspect = (observer) => {
      const subscription = inspect(observer);
      let isSubscribed = true;
      this.isInspected = ++inspectors > 0;
      return {
        unsubscribe: () => {
          subscription.unsubscribe();
          if (isSubscribed) this.isInspected = --inspectors > 0;
          isSubscribed = false;
        },
      };
    };
  }
}

const known = new WeakMap<System, ActorSystem>();

/** Delivers an event to an actor of the same system; inspectors see its source. */
export function relayFrom(source: AnyActorRef, target: AnyActorRef, event: EventObject): void {
  const { shared } = source as { readonly shared?: unknown };
  (shared instanceof ActorSystem ? shared : ActorSystem.of(source.system)).relay(source, target, event);
}
