import type { Engine } from '../../machines/engine.js';
import type { ConnectionManager } from '../../machines/hub/connection-manager.js';
import type { ConnectionRecord } from '../../machines/hub/connection-record.js';
import type { ConnPhase } from '../../machines/tuna/conns-state.js';
import type { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import type { SimNetwork } from '../sim/network.js';

/** What a Tuna endpoint knows at one moment, under the seed's names; read from where each fact is kept, stored nowhere else. */
export interface TunaState {
  readonly listeners: readonly string[];
  readonly sessions: readonly SessionState[];
  /** Sessions that have ended, for as long as they are remembered. */
  readonly closedSessionKey: readonly string[];
  readonly isClosed: boolean;
  /** Wires: opened or being opened; of these, not identified yet. */
  readonly wires: number;
  readonly openings: number;
}

export interface SessionState {
  readonly key: string;
  readonly hasOwner: boolean;
  readonly isOver: boolean;
  /** By slot: what the chart knows, and whether there is a wire for the pump and for NCP. */
  readonly sessionConns: readonly {
    phase: ConnPhase;
    rival?: number;
    isAttached: boolean;
    isCarrying: boolean;
    isProven: boolean;
  }[];
  readonly connCount: number;
  readonly links: number;
}

export function responderOf(engine: Engine): ConnectionManager {
  return engine.actor.getSnapshot().context.hub;
}

export function tunaStateOf(engine: Engine): TunaState {
  const responder = responderOf(engine);
  const sessions = [...responder.records()].filter((entry) => entry.session !== undefined).map(sessionOf);
  return {
    listeners: responder.listeners.addresses,
    sessions,
    closedSessionKey: responder.router.ended,
    isClosed: !engine.actor.getSnapshot().hasTag('serves'),
    wires: responder.wires.size,
    openings: responder.pendingAccepts.size,
  };
}

function sessionOf({ sessionId: key, handle, session, ref, isRemoved }: ConnectionRecord): SessionState {
  const { conns, ncp } = session!.plane as unknown as TunaPlane; // The registry knows planes of all protocols; here all are Tuna's.
  return {
    key,
    hasOwner: !isRemoved && ref?.getSnapshot().status === 'active',
    isOver: handle?.isOver !== false,
    connCount: conns.connCount,
    links: conns.links,
    sessionConns: conns.phases.map((phase, slot) => ({
      phase,
      rival: conns.rivalOf(slot),
      isAttached: handle?.pump.attached(slot) === true,
      isCarrying: ncp.links[slot]?.isAttached === true,
      isProven: ncp.links[slot]?.isProven === true,
    })),
  };
}

/** Everything that must hold between any two events; each broken rule in words. */
export function faultsOf(state: TunaState, ended: ReadonlyMap<string, number>, now: number): string[] {
  const faults: string[] = [];
  const claim = (holds: boolean, words: string): void => {
    if (!holds) faults.push(words);
  };
  let attached = 0;
  for (const { key, hasOwner, isOver, sessionConns, connCount, links } of state.sessions) {
    claim(hasOwner, `${key} has no owner`);
    if (isOver) continue; // In the middle of its burial.
    const joined = sessionConns.filter(({ phase }) => phase === 'joined').length;
    claim(connCount === joined && connCount >= 0 && connCount <= links, `${key} counts ${connCount} of ${joined} connections`);
    sessionConns.forEach(({ phase, isAttached, isCarrying, isProven }, slot) => {
      if (isAttached) attached++;
      claim((phase !== 'none') === isAttached, `${key}: slot ${slot} is ${phase}, and has ${isAttached ? 'a' : 'no'} wire`);
      claim(isCarrying === isAttached, `${key}: slot ${slot} has ${isAttached ? 'a' : 'no'} wire, and NCP thinks otherwise`);
      claim(phase !== 'joined' || isProven, `${key}: slot ${slot} has joined and proven nothing`);
    });
    sessionConns.forEach(({ phase, rival }, slot) => {
      const both = phase === 'joined' && sessionConns[rival ?? -1]?.phase === 'joined';
      claim(!both, `${key}: slot ${slot} was replaced, and has its old wire still`);
    });
    claim(!state.closedSessionKey.includes(key), `${key} lives, and counts as ended`);
  }
  claim(state.wires >= attached, `${attached} wires are attached, and ${state.wires} counted`);
  claim(state.openings >= 0 && state.wires >= 0, 'a count is negative');
  for (const [key, at] of ended) {
    const isRemembered = state.closedSessionKey.includes(key);
    if (!state.isClosed) claim(isRemembered === now - at < TOMBSTONE_MS, `${key} ended ${now - at} ms ago: ${isRemembered}`);
  }
  return faults;
}

/** The sockets of a host: as many ends of wires as its engine counts, and no more. */
export function socketsOf(network: SimNetwork, host: string): number {
  let count = 0;
  for (const { near, far } of network.links)
    for (const end of [near, far]) if (end.host.name === host && end.handler !== undefined) count++;
  return count;
}

/** The original's: how long it knows that a session has ended. */
export const TOMBSTONE_MS = 300_000;
