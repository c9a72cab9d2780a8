import type { AnyActorLogic } from 'xstate';
import { connectionMachine } from './connection.machine.js';

type ConnectionChart = typeof connectionMachine;

const known = new WeakMap<ConnectionChart, WeakMap<AnyActorLogic, ConnectionChart>>();

/**
 * The connection's chart over a protocol's. Made once for as long as the protocol's chart lives, whatever the number of
 * engines and connections: each costs 32 KB and a millisecond, and much more until what it looks up is remembered.
 */
export function connectionFor(protocol: AnyActorLogic, chart: ConnectionChart = connectionMachine): ConnectionChart {
  const variants = known.get(chart) ?? new WeakMap<AnyActorLogic, ConnectionChart>();
  known.set(chart, variants);
  let machine = variants.get(protocol);
  if (machine === undefined) {
    machine = chart.provide({ actors: { protocol: protocol as never } });
    variants.set(protocol, machine);
  }
  return machine;
}
