import { phaseTable, type PhaseOf } from '../phase-table.js';
import type { WireCause } from '../ports.js';
import type { Doubts } from './doubts.js';
import type { Fault } from './tuna.messages.js';

/**
 * The phases of a slot: no wire (dialing is none yet), one that has proven nothing, one that carries packets, one that is kept
 * open in case a place becomes free. The charts of the links tell it.
 */
export const CONN_PHASES = phaseTable('tuna-wire', 'none', {
  none: { open: 'opening', reserve: 'reserve', end: 'none' },
  /** A newer wire may take the place of one that has proven nothing. */
  opening: { open: 'opening', join: 'joined', reserve: 'reserve', end: 'none' },
  joined: { reserve: 'reserve', end: 'none' },
  reserve: { open: 'opening', reserve: 'reserve', end: 'none' },
});

export type ConnPhase = PhaseOf<typeof CONN_PHASES>;

/** The session's knowledge of one slot. */
export interface Conn {
  phase: ConnPhase;
  /** A wire is on its way here, */
  isClaimed: boolean;
  /** to stay without a place. */
  isReserve: boolean;
  /** The peer has said more than its handshake on it. */
  isUsed: boolean;
  /** It had a wire, or an attempt at one. */
  wasUsed: boolean;
  /** Acceptor: which link of the dialer it is, where the dialer says so, and otherwise the listener that it came to. */
  link: number | undefined;
  listener: string | undefined;
  /** While it is in reserve, when it joined that: the oldest there has its turn first. */
  order: number;
  /** The slot whose wire it is to replace, or that is to replace its own; -1: none. */
  rival: number;
}

/**
 * The table as plain data, by columns: short also with as many wires as there can be. Members with their initial
 * value, or with the one that follows from the phase of a slot (`usual`), are left out.
 */
export interface ConnsState {
  readonly links: number;
  readonly slots: number;
  /** Slots by the phase of their wires; of those in reserve, the oldest comes first. */
  readonly opening?: readonly number[];
  readonly joined?: readonly number[];
  readonly reserve?: readonly number[];
  /** Slots of which one of these is not as usual. */
  readonly unusual?: Readonly<Partial<Record<Flag, readonly number[]>>>;
  /** By slot; -1: none. */
  readonly linkOf?: readonly number[];
  /** By slot, a place in `listeners`; -1: none. */
  readonly listenerOf?: readonly number[];
  readonly listeners?: readonly string[];
  readonly rivals?: readonly (readonly [number, number])[];
  readonly doubts: Doubts;
  readonly failed?: number;
  readonly everOpened?: boolean;
  readonly cause?: WireCause;
  readonly accusation?: Fault;
  readonly peerLinks?: number;
  readonly isContested?: boolean;
  readonly foreign?: number;
  readonly spurned?: number;
}

export const NEW_CONN: Conn = {
  phase: 'none',
  isClaimed: false,
  isReserve: false,
  isUsed: false,
  wasUsed: false,
  link: undefined,
  listener: undefined,
  order: 0,
  rival: -1,
};

type Flag = 'isClaimed' | 'isReserve' | 'isUsed' | 'wasUsed';

const FLAGS = ['isClaimed', 'isReserve', 'isUsed', 'wasUsed'] as const satisfies readonly Flag[];
const LIVE_PHASES = ['opening', 'joined', 'reserve'] as const satisfies readonly ConnPhase[];

/** The facts that the phase of a slot implies. */
function usual(phase: ConnPhase): Pick<Conn, Flag | 'phase'> {
  const hasPlace = phase === 'opening' || phase === 'joined';
  return { phase, isClaimed: hasPlace, isReserve: phase === 'reserve', isUsed: false, wasUsed: phase !== 'none' };
}

/** The table to work on. */
export function connsOf(state: ConnsState): Conn[] {
  const { unusual = {}, linkOf = [], listenerOf = [], listeners = [] } = state;
  const conns = Array.from({ length: state.slots }, (_, slot): Conn => {
    const link = linkOf[slot] ?? -1;
    return { ...NEW_CONN, link: link < 0 ? undefined : link, listener: listeners[listenerOf[slot] ?? -1] };
  });
  for (const phase of LIVE_PHASES)
    state[phase]?.forEach((slot, i) => Object.assign(conns[slot]!, usual(phase), phase === 'reserve' ? { order: i + 1 } : {}));
  for (const flag of FLAGS) for (const slot of unusual[flag] ?? []) conns[slot]![flag] = !conns[slot]![flag];
  for (const [one, other] of state.rivals ?? []) {
    conns[one]!.rival = other;
    conns[other]!.rival = one;
  }
  return conns;
}

/** The same as it is kept. */
export function columnsOf(conns: readonly Conn[]): Omit<ConnsState, 'links' | 'doubts'> {
  const slotsWhere = (isMeant: (conn: Conn, slot: number) => boolean): number[] =>
    conns.flatMap((conn, slot) => (isMeant(conn, slot) ? [slot] : []));
  const listed = (slots: readonly number[], name: string): object => (slots.length === 0 ? {} : { [name]: slots });
  const column = (values: readonly number[], name: string): object =>
    values.every((each) => each < 0) ? {} : { [name]: values };
  const listeners = [...new Set(conns.flatMap(({ listener }) => listener ?? []))];
  const unusual: object = Object.assign(
    {},
    ...FLAGS.map((flag) =>
      listed(
        slotsWhere((conn) => conn[flag] !== usual(conn.phase)[flag]),
        flag,
      ),
    ),
  );
  const rivals = slotsWhere(({ rival }, slot) => rival > slot).map((slot) => [slot, conns[slot]!.rival] as const);
  const reserve = slotsWhere(({ phase }) => phase === 'reserve').sort((a, b) => conns[a]!.order - conns[b]!.order);
  return {
    slots: conns.length,
    ...listed(
      slotsWhere(({ phase }) => phase === 'opening'),
      'opening',
    ),
    ...listed(
      slotsWhere(({ phase }) => phase === 'joined'),
      'joined',
    ),
    ...listed(reserve, 'reserve'),
    ...(Object.keys(unusual).length > 0 && { unusual }),
    ...column(
      conns.map(({ link = -1 }) => link),
      'linkOf',
    ),
    ...column(
      conns.map(({ listener }) => (listener === undefined ? -1 : listeners.indexOf(listener))),
      'listenerOf',
    ),
    ...(listeners.length > 0 && { listeners }),
    ...(rivals.length > 0 && { rivals }),
  };
}
