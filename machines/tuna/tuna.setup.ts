import { assign, sendTo, setup, spawnChild } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import { assert } from '../errors.js';
import type { Opener, WireHandler } from '../ports.js';
import { abortedClosing, news, parent, sessionActions, UNEXPECTED, type ProtocolContext } from '../protocol.setup.js';
import { tunaLinkMachine, type LinkEvent, type LinkInput, type LinkNews } from './link.machine.js';
import { ncpMachine, type NcpNews, type TunaPump, type TunaSession } from './ncp.machine.js';
import { NO_DOUBTS } from './doubts.js';
import type { ConnsState } from './conns-state.js';
import { SessionConns } from './session-conns.js';
import type { Fault } from './tuna.messages.js';
import type { TunaSignal } from './tuna.plane.js';

export type TunaCommand =
  | { type: 'close'; now: boolean; reason: 'closed' | 'shutdown' }
  | { type: 'abort'; closing: Closing }
  | { type: 'probe' }
  | { type: 'drain'; afterMs: number }
  | { type: 'wire.offered'; opener: Opener; opening: unknown };
export type TunaEvent = TunaCommand | TunaSignal | LinkNews | NcpNews;

export interface TunaInput {
  readonly role: 'dialer' | 'acceptor';
  /** It has the wire to begin with. */
  readonly session: TunaSession;
}

/** The session's decision about a link: it begins, with a wire or without one, or it gets an event. Without `opener` it is the first wire. */
export type LinkOrder =
  | { readonly slot: number; readonly begins: true; readonly hasWire: boolean; readonly opener?: Opener }
  | { readonly slot: number; readonly begins: false; readonly event: LinkEvent }
  /** A wire for which there is no slot is turned away. */
  | { readonly slot: -1; readonly begins: undefined; readonly opener: Opener };

export interface TunaContext extends ProtocolContext<TunaPump> {
  /** Dialer: where the first wire is dialed, where that is known. */
  readonly target?: string | undefined;
  /** Which wires the session has. */
  readonly conns: ConnsState;
  /** Slots that have a link actor, which is called `link <slot>`. */
  readonly slots: readonly number[];
  /** Carried out one by one, in this order, by the eventless transitions of `alive`. */
  readonly orders: readonly LinkOrder[];
}

/** Which link an opening means; what doesn't say so gets the first that has no wire. */
export interface TunaOffer {
  readonly link?: number;
  /** Where it came to. */
  readonly listener?: string | undefined;
}

/** Ignores every event of a wire that has no place. */
const IGNORE_WIRE: WireHandler = {
  onOpen: () => {},
  onBytes: () => {},
  onDrain: () => {},
  onProbeAnswer: () => {},
  onClose: () => {},
};

const inputOf = (
  { role, session, conns, target }: TunaContext,
  { slot, hasWire }: { slot: number; hasWire: boolean },
): LinkInput => ({
  role,
  session,
  slot,
  hasWire,
  isReserve: new SessionConns(conns).isReserve(slot),
  address: hasWire ? target : undefined,
});

/** A dialer has all its links from the beginning; an acceptor gets them as they come. */
export function contextOf({ role, session }: TunaInput): TunaContext {
  const { limits, offer, target, isSuccessor = false } = session.plane.input;
  const conns = new SessionConns(limits.numTunaListeners);
  conns.everOpened = isSuccessor;
  const begins = true as const;
  if (role === 'dialer') {
    const slots = Array.from({ length: conns.links }, (_, slot) => slot);
    const orders = slots.map((slot) => ({ slot, begins, hasWire: slot === 0 }));
    return { role, session, target, conns: conns.state, slots, orders };
  }
  const { slot } = conns.seat(offer?.link, offer?.listener)!; // The first one finds a place.
  conns.used(slot);
  return { role, session, conns: conns.state, slots: [slot], orders: [{ slot, begins, hasWire: true }] };
}

/** Changes the table, and lists the orders for links that follow. */
function changed(
  context: TunaContext,
  change: (conns: SessionConns) => readonly LinkOrder[] | undefined,
): Partial<Pick<TunaContext, 'conns' | 'orders'>> {
  const conns = new SessionConns(context.conns);
  const orders = change(conns) ?? [];
  return { conns: conns.state, ...adding(context, orders) };
}

const linkId = (slot: number): string => `link ${slot}`;

/** An event for those of these slots that have a link. */
const ordersTo = ({ slots }: TunaContext, event: LinkEvent, to: readonly number[]): LinkOrder[] =>
  to.filter((slot) => slots.includes(slot)).map((slot) => ({ slot, begins: false, event }));

/** Further orders, behind those that wait. */
const adding = ({ orders }: TunaContext, more: readonly LinkOrder[]): Pick<TunaContext, 'orders'> => ({
  orders: more.length === 0 ? orders : [...orders, ...more],
});

/** The order whose turn it is. */
function firstOrder<Begins extends boolean | undefined>(
  { orders }: TunaContext,
  begins: Begins,
): Extract<LinkOrder, { begins: Begins }> {
  const [first] = orders;
  assert(first !== undefined && first.begins === begins, 'a guard has looked at the first order');
  return first as Extract<LinkOrder, { begins: Begins }>;
}

/** The closing of a session without a handshake, as far as this side knows the cause. */
function closingWithoutHandshake({ role, conns, target }: TunaContext): Closing {
  if (role === 'acceptor') return closing('handshake-timeout', 'remote');
  if (new SessionConns(conns).hasForeign) return closing('malformed', 'remote');
  const { wordless } = conns.doubts;
  if (wordless > 0) {
    const message = `${wordless} connections were opened, and closed by the other side without a word`;
    return closing('handshake-timeout', 'remote', { message });
  }
  if (conns.everOpened === true) return closing('handshake-timeout', 'remote');
  if (conns.cause !== undefined) return closingOf(conns.cause);
  if (target !== undefined) return closing('unreachable', 'remote');
  return closingOf({ kind: 'resolve-failed', reason: 'nothing has answered the question where the peer can be reached' });
}

/** A rule that the peer has broken (`remote`), or this side, as the peer reports it (`local`); a refusal is the peer's, and breaks none. */
function closingOfFault({ code, rule }: Fault, side: 'local' | 'remote'): Closing {
  if (rule === undefined) return closing(code, 'remote', { message: 'the peer said so when it was dialed' });
  return closing(code, side, { rule });
}

/** The peer never came back after it had said why it ended a link: that is the best that is known. */
function withAccusation(end: Closing, accusation: Fault | undefined): Closing {
  if (accusation === undefined) return end;
  const { code, rule } = accusation;
  const message = `the peer ended the last link that it ended with a word because of ${rule ?? code} (${code})`;
  return closing(end.code, end.side, { ...end.detail, message, ...(rule === undefined ? {} : { rule }) });
}

const asks =
  (ask: (conns: SessionConns, role: TunaContext['role']) => boolean) =>
  ({ context: { conns, role } }: { readonly context: TunaContext }): boolean =>
    ask(new SessionConns(conns), role);

export const tunaSetup = setup({
  types: {
    context: {} as TunaContext,
    input: {} as TunaInput,
    events: {} as TunaEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: { ncp: ncpMachine, link: tunaLinkMachine },
  actions: {
    ...sessionActions,
    /** The plane sees the table as it is at the moment. */
    showConns: ({ context, self }) => {
      const { plane } = context.session;
      plane.connsOf = () => self.getSnapshot().context.conns;
      if (context.role === 'dialer') plane.addresses.dials(0, context.target);
    },
    lendWire: ({ context }) => {
      const { slot, opener } = firstOrder(context, true);
      if (opener !== undefined) context.session.offer(opener, slot);
    },
    beginLink: spawnChild('link', {
      id: ({ context }: { context: TunaContext }) => linkId(firstOrder(context, true).slot),
      input: ({ context }: { context: TunaContext }) => inputOf(context, firstOrder(context, true)),
    }),
    sendToLink: sendTo(
      ({ context }) => linkId(firstOrder(context, false).slot),
      ({ context }) => firstOrder(context, false).event,
    ),
    dropOrder: assign({ orders: ({ context }) => context.orders.slice(1) }),
    turnAway: ({ context }) => firstOrder(context, undefined).opener(IGNORE_WIRE)(),
    offerLink: assign(({ context, event }) => {
      if (event.type !== 'wire.offered') return {};
      const { opener, opening } = event;
      const { link, listener } = opening as TunaOffer;
      const conns = new SessionConns(context.conns);
      const seat = conns.seat(link, listener);
      if (seat === undefined) return adding(context, [{ slot: -1, begins: undefined, opener }]);
      const { slot } = seat;
      conns.used(slot);
      const rival = ordersTo(context, { type: 'rival.came' }, [conns.rivalOf(slot)]);
      const { slots } = context;
      const isThere = slots.includes(slot);
      const offer: LinkOrder = isThere
        ? { slot, begins: false, event: { type: 'wire.offered', opener, isReserve: conns.isReserve(slot) } }
        : { slot, begins: true, hasWire: true, opener };
      return { conns: conns.state, slots: isThere ? slots : [...slots, slot], ...adding(context, [offer, ...rival]) };
    }),
    notePeerLinks: assign(({ context, event }) =>
      event.type === 'handshake.done' ? { conns: { ...context.conns, peerLinks: event.peerLinks } } : {},
    ),
    noteOpened: assign(({ context, event }) =>
      event.type === 'link.opened' ? changed(context, (conns) => void conns.opened(event.slot)) : {},
    ),
    noteReserved: assign(({ context, event }) =>
      event.type === 'reserve.entered' ? changed(context, (conns) => void conns.reserved(event.slot)) : {},
    ),
    /** Where a link is connected, for the others that ask where to dial. */
    noteAddress: ({ context: { session }, event }) => {
      if (event.type === 'link.opened') session.plane.addresses.dials(event.slot, event.address);
      if (event.type === 'link.ended') session.plane.addresses.dials(event.slot, undefined);
    },
    /** A newcomer has proven itself: the wire it replaces goes. */
    noteJoined: assign(({ context, event }) => {
      if (event.type !== 'link.joined') return {};
      return changed(context, (conns) => {
        conns.joined(event.slot);
        return ordersTo(context, { type: 'rival.proven' }, [conns.rivalOf(event.slot)]);
      });
    }),
    noteEnded: assign(({ context, event }) => {
      if (event.type !== 'link.ended') return {};
      return changed(context, (conns) => {
        const rival = conns.rivalOf(event.slot);
        conns.ended(event.slot, event.cause, event.at);
        const isNeeded = context.role === 'dialer' && conns.connCount < conns.linksExpected;
        const needed = isNeeded ? ordersTo(context, { type: 'link.needed' }, context.slots) : [];
        return [...ordersTo(context, { type: 'rival.gone' }, [rival]), ...needed];
      });
    }),
    /** Dialer: the peer has fewer links than this side. As many as it has stay, those with the lowest numbers. @rule TUNA-10 */
    trim: assign(({ context }) => {
      const { role, slots } = context;
      const conns = new SessionConns(context.conns);
      const { linksExpected, connCount } = conns;
      if (role === 'acceptor' || linksExpected === conns.links || connCount < linksExpected) return {};
      let kept = 0;
      const spare = slots.filter((slot) => !(conns.phaseOf(slot) === 'joined' && kept++ < linksExpected));
      return adding(context, ordersTo(context, { type: 'link.spare' }, spare));
    }),
    /** Acceptor: a wire in reserve gets the place that is free. @rule TUNA-10 */
    promote: assign(({ context }) => {
      if (context.role === 'dialer') return {};
      return changed(context, (conns) => {
        const slot = conns.promote();
        if (!context.slots.includes(slot)) return [];
        conns.called(slot);
        return ordersTo(context, { type: 'link.called' }, [slot]);
      });
    }),
    /** Acceptor: the peer uses a wire in reserve, so it has no use for another one; or one that seems to live is dead. @rule TUNA-10 */
    makeRoom: assign(({ context, event }) => {
      if (event.type !== 'link.wanted') return {};
      return changed(context, (conns) => {
        conns.wanted(event.link);
        if (conns.phaseOf(event.link) !== 'reserve') return [];
        const idle = conns.hasRoom ? -1 : conns.idle;
        if (!conns.hasRoom && !context.slots.includes(idle)) {
          conns.isContested = true;
          return [];
        }
        conns.called(event.link);
        const demoted = ordersTo(context, { type: 'link.demoted' }, [idle]);
        return [...demoted, ...ordersTo(context, { type: 'link.called' }, [event.link])];
      });
    }),
    /** The wire says which rule was broken on it, and is closed. @rule NCP-16 */
    dismissWire: ({ context: { session }, event }) => {
      if (event.type === 'link.corrupt') session.dismiss(event.link);
    },
    noteAccused: assign(({ context, event }) =>
      event.type === 'link.accused' ? { conns: { ...context.conns, accusation: event.fault } } : {},
    ),
    tellLink: assign(({ context, event }) => {
      switch (event.type) {
        case 'link.proven':
        case 'link.silent':
        case 'link.corrupt':
        case 'link.accused': {
          const type = event.type === 'link.accused' ? 'link.corrupt' : event.type;
          return adding(context, ordersTo(context, { type }, [event.link]));
        }
        default:
          return {};
      }
    }),
    tellNcp: sendTo('ncp', ({ event }) => {
      switch (event.type) {
        case 'handshake.done':
        case 'peer.closed':
        case 'peer.unknown-session':
        case 'log.drained':
          return event;
        case 'close':
          return { type: 'close', now: event.now };
        default:
          throw new Error(`${event.type} is no event for the NCP session`);
      }
    }),
    beginDoubts: assign({ conns: ({ context }) => ({ ...context.conns, doubts: NO_DOUBTS }) }),
    noteUnaddressed: assign(({ context, event }) =>
      event.type === 'address.none' ? changed(context, (conns) => void conns.failed(event.slot, event.cause)) : {},
    ),
    noteCorrupt: assign(({ context, event }) =>
      event.type === 'link.corrupt' ? changed(context, (conns) => void conns.corrupt(event.link)) : {},
    ),
    tellGone: sendTo('ncp', { type: 'links.gone' }),
    probeLinks: ({ context: { session } }) => session.plane.probe(session.now(), session.plane.input.limits.wakeProbeTimeoutMs),
    noteProbed: assign({ conns: ({ context: { conns } }) => ({ ...conns, isContested: false }) }),
    tellParent: sendTo(parent, news),
    record: assign(({ context: { conns } }, { code, side }: { code: ClosingCode; side: 'local' | 'remote' }) => ({
      closing: withAccusation(closing(code, side), conns.accusation),
    })),
    recordViolation: assign({
      closing: ({ event }) => (event.type === 'peer.violated' ? closingOfFault(event.fault, 'remote') : UNEXPECTED),
    }),
    recordAccusation: assign({
      closing: ({ event }) => (event.type === 'peer.accused' ? closingOfFault(event.fault, 'local') : UNEXPECTED),
    }),
    recordAbort: assign(abortedClosing),
    recordCause: assign({
      closing: ({ context: { conns } }) =>
        conns.cause === undefined ? closing('unreachable', 'remote') : closingOf(conns.cause),
    }),
    recordOutput: assign({
      closing: ({ context, event }) => {
        const { output } = event as { output?: { closing: Closing } };
        if (output?.closing.code === 'handshake-timeout')
          return withAccusation(closingWithoutHandshake(context), context.conns.accusation);
        return output?.closing ?? UNEXPECTED;
      },
    }),
  },
  guards: {
    mustBeginLink: ({ context }) => context.orders[0]?.begins === true,
    mustTellLink: ({ context }) => context.orders[0]?.begins === false,
    hasOrder: ({ context }) => context.orders.length > 0,
    /** More wires than the peer can have: one that seems to live is dead, and the most silent one is found by asking. */
    isContested: ({ context }) => context.conns.isContested === true,
    isOpen: asks((conns) => conns.connCount >= conns.linksExpected),
    isAlone: asks((conns) => conns.connCount === 1),
    isLost: asks((conns) => conns.connCount === 0),
    /** Every link was dialed, and none was answered; an acceptor has only the one that came. */
    allDialsFailed: asks((conns, role) => conns.failures === (role === 'acceptor' ? 1 : conns.links)),
    isForeign: asks((conns, role) => role === 'dialer' && conns.isForeign),
    /** A dialer that comes back has not forgotten, however short its wires live. */
    isDisowned: asks((conns, role) => role === 'dialer' && conns.isDisowned),
  },
  delays: {
    reconnectWindow: ({ context }) => context.session.plane.input.limits.reconnectWindowMs,
  },
});
