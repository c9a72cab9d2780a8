import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import type { Closing } from '../../../machines/closing.js';
import { Pump } from '../../../machines/dataplane/pump.js';
import type { Plane } from '../../../machines/dataplane/plane.js';
import type { DialPermits } from '../../../machines/dial-permits.js';
import { assert } from '../../../machines/errors.js';
import type { Clock, Opener } from '../../../machines/ports.js';
import { SessionHandle, type AnyPump } from '../../../machines/session-handle.js';
import type { PlayedTime } from '../played.js';
import type { PlayedWorld } from '../model.js';

/** A pump over this very plane, as session charts get it; what it delivers is dropped. */
export function pumpOver<Message, Signal, P extends Plane<Message, Signal>>(
  plane: P & Plane<Message, Signal>,
  { clock }: PlayedTime,
): Pump<Message, Signal> & { readonly plane: P } {
  return new Pump(plane, clock, { deliver: () => {}, settled: () => {} }) as Pump<Message, Signal> & { readonly plane: P };
}

/** The handle that a session's chart gets: a pump, and a hub that answers requests to dial as `permits` says. */
export function sessionOver<P extends AnyPump & { readonly clock: Clock }>(
  pump: P,
  opener?: Opener,
  permits: DialPermits = () => () => {},
): SessionHandle<P> {
  const owner = { requestPermit: permits, identify: () => {}, now: () => pump.clock.now() };
  return new SessionHandle(pump, owner, { id: 'the session' }, opener);
}

/** The parent of a session's chart: it keeps what it is told. */
export abstract class SessionWorld implements PlayedWorld {
  abstract readonly pump: { readonly stopped: boolean };
  readonly news: string[] = [];

  hear({ type }: AnyEventObject): void {
    if (!type.startsWith('xstate.')) this.news.push(type);
  }
}

/** A new wire may start the handshake again; it leads to trust and to its end once. */
const ONCE = ['trust.established', 'handshake.completed'];

/** What holds for every protocol, wherever its chart is: the handshake is told once, in order; an end is an end. */
export function checkSession({ news, pump }: SessionWorld, snapshot: AnyMachineSnapshot): void {
  const told = news.filter((each) => ONCE.includes(each));
  assert(
    told.every((each, i) => each === ONCE[i]),
    `trust and the end of the handshake are told once and in order, and not as ${told.join(', ')}`,
  );
  const swings = news.filter((each) => each.startsWith('session.'));
  assert(
    swings.every((each, i) => each === ['session.lost', 'session.resumed'][i % 2]),
    'lost and resumed alternate',
  );
  const isOver = snapshot.status === 'done';
  assert(pump.stopped === isOver, 'the pump runs as long as the session, and no longer');
  assert(snapshot.hasTag('terminal') === isOver, 'a session that has ended says so');
  const { closing } = (snapshot.output ?? {}) as { closing?: Closing };
  assert((closing !== undefined) === isOver, 'every end is a closing');
  assert(closing?.code !== 'internal', 'and none of an unknown kind');
}
