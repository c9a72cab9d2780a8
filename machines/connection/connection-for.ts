import type { AnyActorLogic } from 'xstate';
import { connectionMachine } from './connection.machine.js';

const known = new WeakMap<AnyActorLogic, typeof connectionMachine>();

/**
 * The connection's chart over a protocol's. Made once for as long as the protocol's chart lives, whatever the number of
 * engines and connections: each costs 32 KB and a millisecond, and much more until what it looks up is remembered.
 */
export function connectionOver(protocol: AnyActorLogic): typeof connectionMachine {
  let machine = known.get(protocol);
  if (machine === undefined) {
    machine = connectionMachine.provide({ actors: { protocol: protocol as never } });
    known.set(protocol, machine);
  }
  return machine;
}
