import type { Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import { ConnectionHandle } from '../connection/connection-handle.js';
import type { HandlePort } from '../connection/connection-handle.port.js';
import type { Identity } from '../ports.js';
import type { Protocol, Session, SessionRequest } from '../protocol.js';
import type { Role } from '../tie-break.js';
import type { DialTarget } from './connect-request.js';
import type { RecordSide } from './record-side.js';

/** A session, and what the application holds of it. */
export interface OpenSession {
  readonly session: Session<unknown>;
  readonly handle: ConnectionHandle<unknown>;
}

/** Whose session it is to be. */
interface Owner extends HandlePort {
  readonly protocol: Protocol<unknown>;
  readonly target: DialTarget;
  readonly identity: Identity | undefined;
  readonly peer: string;
  readonly state: ApiState;
}

/** Makes a session for a fresh attempt: its plane, its pump, and the handle of the application. */
export function openSession(
  { ports, pool, budget }: Pick<RecordSide<never>, 'ports' | 'pool' | 'budget'>,
  owner: Owner,
  { role, round, peerId }: { role: Role; round: number; peerId: string | undefined },
  about: Pick<SessionRequest, 'opening' | 'isSuccessor'>,
): OpenSession {
  const { protocol, peer, state } = owner;
  const identity = role === 'acceptor' ? owner.identity : undefined;
  const target = owner.target.targets[0] ?? '';
  const session = protocol.makeSession({ role, ports, pool, target, peer: peerId, identity, ...about });
  const facts = { round, protocol: protocol.name, peer, role };
  return { session, handle: new ConnectionHandle<unknown>(facts, state, session.plane, protocol, budget, ports.clock, owner) };
}

/** Ends a session that was not dialed yet. */
export function callOff({ handle }: OpenSession, cause: Closing): void {
  handle.pump.stop();
  handle.end(cause);
  handle.changeState('none');
  handle.retire();
}
