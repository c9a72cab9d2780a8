import { assign, sendTo, setup, spawnChild } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import { assert } from '../errors.js';
import type { Opener, WireHandler } from '../ports.js';
import { abortedClosing, news, parent, sessionActions, UNEXPECTED, type ProtocolContext } from '../protocol.setup.js';
import { tunaLinkMachine, type LinkEvent, type LinkInput, type LinkNews } from './link.machine.js';
import { ncpMachine, type NcpNews, type TunaPump, type TunaSession } from './ncp.machine.js';
import type { SessionConns } from './session-conns.js';
import type { Fault } from './tuna.messages.js';
import type { TunaSignal } from './tuna.plane.js';
import type { TunaLimits } from './tuna.timing.js';

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

/** What the session has decided about a link: it begins, with a wire or without one, or it gets an event. Without `opener` it is the first wire. */
export type LinkOrder =
  | { readonly slot: number; readonly begins: true; readonly hasWire: boolean; readonly opener?: Opener }
  | { readonly slot: number; readonly begins: false; readonly event: LinkEvent };

export interface TunaContext extends ProtocolContext<TunaPump> {
  readonly limits: TunaLimits;
  /** The session's wires; this chart says what happens to them. */
  readonly conns: SessionConns;
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

/** For a wire that nobody can take. */
const DEAF: WireHandler = { onOpen: () => {}, onBytes: () => {}, onDrain: () => {}, onProbeAnswer: () => {}, onClose: () => {} };

const inputOf = ({ role, session, conns }: TunaContext, { slot, hasWire }: { slot: number; hasWire: boolean }): LinkInput => ({
  role,
  session,
  slot,
  hasWire,
  isReserve: conns.isReserve(slot),
  address: hasWire ? session.plane.seed.target : undefined,
});

const linkId = (slot: number): string => `link ${slot}`;

/** An event for those of these slots that have a link. */
const ordersTo = ({ slots }: TunaContext, event: LinkEvent, to: readonly number[]): LinkOrder[] =>
  to.filter((slot) => slots.includes(slot)).map((slot) => ({ slot, begins: false, event }));

/** Further orders, behind those that wait. */
const adding = ({ orders }: TunaContext, more: readonly LinkOrder[]): Pick<TunaContext, 'orders'> => ({
  orders: more.length === 0 ? orders : [...orders, ...more],
});

/** The order whose turn it is. */
function firstOrder<Begins extends boolean>({ orders }: TunaContext, begins: Begins): Extract<LinkOrder, { begins: Begins }> {
  const [first] = orders;
  assert(first?.begins === begins, `an order that ${begins ? 'begins a link' : 'tells a link'} is the first one`);
  return first as Extract<LinkOrder, { begins: Begins }>;
}

/** What kept the two sides from knowing each other, as far as this side can tell. */
function closingWithoutHandshake({ role, conns, session }: TunaContext): Closing {
  if (role === 'acceptor') return closing('handshake-timeout', 'remote');
  if (conns.hasForeign) return closing('malformed', 'remote');
  const { wordless } = conns.doubts;
  if (wordless > 0) {
    const message = `${wordless} connections were opened, and closed by the other side without a word`;
    return closing('handshake-timeout', 'remote', { message });
  }
  if (conns.everOpened) return closing('handshake-timeout', 'remote');
  if (conns.cause !== undefined) return closingOf(conns.cause);
  if (session.plane.seed.target !== undefined) return closing('unreachable', 'remote');
  return closingOf({ kind: 'resolve-failed', reason: 'nothing has answered the question where the peer can be reached' });
}

/** A rule that this side found broken (`remote`) or was told that it broke (`local`); a refusal is the peer's, and breaks none. */
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
    /** A dialer has all its links from the beginning; an acceptor gets them as they come. */
    orderFirstLinks: assign(({ context }) => {
      const { role, limits, session, conns } = context;
      if (role === 'acceptor') {
        const { link, listener } = session.plane.seed.offer ?? {};
        const { slot } = conns.seat(link, listener)!; // The first one finds a place.
        conns.used(slot);
        return { slots: [slot], orders: [{ slot, begins: true as const, hasWire: true }] };
      }
      conns.dials(0, session.plane.seed.target);
      const slots = Array.from({ length: limits.numTunaListeners }, (_, slot) => slot);
      return { slots, orders: slots.map((slot) => ({ slot, begins: true as const, hasWire: slot === 0 })) };
    }),
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
    offerLink: assign(({ context, event }) => {
      if (event.type !== 'wire.offered') return {};
      const { conns, slots, session } = context;
      const { opener, opening } = event;
      const { link, listener } = opening as TunaOffer;
      conns.peerLinks = session.plane.ncp.peerIds.length;
      const seat = conns.seat(link, listener);
      if (seat === undefined) {
        opener(DEAF)();
        return {};
      }
      const { slot } = seat;
      conns.used(slot);
      const rival = ordersTo(context, { type: 'rival.came' }, [conns.rivalOf(slot)]);
      if (slots.includes(slot))
        return adding(context, [
          { slot, begins: false, event: { type: 'wire.offered', opener, isReserve: conns.isReserve(slot) } },
          ...rival,
        ]);
      return { slots: [...slots, slot], ...adding(context, [{ slot, begins: true, hasWire: true, opener }, ...rival]) };
    }),
    noteOpened: ({ context, event }) => {
      if (event.type === 'link.opened') context.conns.opened(event.slot, event.address);
    },
    noteReserved: ({ context, event }) => {
      if (event.type === 'reserve.entered') context.conns.reserved(event.slot);
    },
    /** A newcomer has proven itself: the wire it replaces goes. */
    noteJoined: assign(({ context, event }) => {
      if (event.type !== 'link.joined') return {};
      context.conns.joined(event.slot);
      return adding(context, ordersTo(context, { type: 'rival.proven' }, [context.conns.rivalOf(event.slot)]));
    }),
    noteEnded: assign(({ context, event }) => {
      if (event.type !== 'link.ended') return {};
      const { conns, slots, role, session } = context;
      const rival = conns.rivalOf(event.slot);
      conns.ended(event.slot, event.cause, session.now());
      const isNeeded = role === 'dialer' && conns.connCount < session.plane.linksExpected;
      const needed = isNeeded ? ordersTo(context, { type: 'link.needed' }, slots) : [];
      return adding(context, [...ordersTo(context, { type: 'rival.gone' }, [rival]), ...needed]);
    }),
    /** Dialer: the peer has fewer links than this side. As many as it has stay, those with the lowest numbers. @rule TUNA-10 */
    trim: assign(({ context }) => {
      const { role, conns, slots, limits, session } = context;
      const { linksExpected } = session.plane;
      if (role === 'acceptor' || linksExpected === limits.numTunaListeners || conns.connCount < linksExpected) return {};
      let kept = 0;
      const spare = slots.filter((slot) => !(conns.phaseOf(slot) === 'joined' && kept++ < linksExpected));
      return adding(context, ordersTo(context, { type: 'link.spare' }, spare));
    }),
    /** Acceptor: a wire in reserve gets the place that is free. @rule TUNA-10 */
    promote: assign(({ context }) => {
      const { role, conns, slots, session } = context;
      if (role === 'dialer') return {};
      conns.peerLinks = session.plane.ncp.peerIds.length;
      const slot = conns.promote((each) => session.plane.isUsed(each));
      if (!slots.includes(slot)) return {};
      conns.called(slot);
      return adding(context, ordersTo(context, { type: 'link.called' }, [slot]));
    }),
    /** Acceptor: the peer uses a wire in reserve, so it has no use for another one; or one that seems to live is dead. @rule TUNA-10 */
    makeRoom: assign(({ context, event }) => {
      const { conns, slots, session } = context;
      if (event.type !== 'link.wanted' || conns.phaseOf(event.link) !== 'reserve') return {};
      const idle = conns.hasRoom ? -1 : conns.idle((slot) => session.plane.isUsed(slot));
      if (!conns.hasRoom && !slots.includes(idle)) {
        conns.isContested = true;
        return {};
      }
      conns.called(event.link);
      const demoted = ordersTo(context, { type: 'link.demoted' }, [idle]);
      return adding(context, [...demoted, ...ordersTo(context, { type: 'link.called' }, [event.link])]);
    }),
    /** The wire says which rule was broken on it, and is closed. @rule NCP-16 */
    dismissWire: ({ context: { session }, event }) => {
      if (event.type === 'link.spoilt') session.dismiss(event.link);
    },
    noteAccused: ({ context: { conns }, event }) => {
      if (event.type === 'link.accused') conns.accusation = event.fault;
    },
    tellLink: assign(({ context, event }) => {
      switch (event.type) {
        case 'link.proven':
        case 'link.silent':
        case 'link.spoilt':
        case 'link.accused': {
          const type = event.type === 'link.accused' ? 'link.spoilt' : event.type;
          return adding(context, ordersTo(context, { type }, [event.link]));
        }
        default:
          return {};
      }
    }),
    tellNcp: sendTo('ncp', ({ event }) => {
      switch (event.type) {
        case 'peer.greeted':
        case 'peer.closed':
        case 'peer.strayed':
        case 'log.drained':
          return event;
        case 'close':
          return { type: 'close', now: event.now };
        default:
          throw new Error(`${event.type} is no event for the NCP session`);
      }
    }),
    beginDoubts: ({ context }) => context.conns.doubts.clear(),
    noteUnaddressed: ({ context: { conns }, event }) => {
      if (event.type === 'address.none') conns.failed(event.slot, event.cause);
    },
    noteSpoilt: ({ context: { conns }, event }) => {
      if (event.type === 'link.spoilt') conns.spoilt(event.link);
    },
    tellGone: sendTo('ncp', { type: 'links.gone' }),
    probeLinks: ({ context }) => {
      context.session.plane.probe(context.session.now(), context.limits.wakeProbeTimeoutMs);
      context.session.flush();
    },
    /** More wires than the peer can have: one that seems to live is dead, and the most silent one is found by asking. */
    probeContested: ({ context }) => {
      if (!context.conns.isContested) return;
      context.conns.isContested = false;
      context.session.plane.probe(context.session.now(), context.limits.wakeProbeTimeoutMs);
      context.session.flush();
    },
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
    hasOrder: ({ context }) => context.orders.length > 0,
    isOpen: ({ context: { conns, session } }) => conns.connCount >= session.plane.linksExpected,
    isAlone: ({ context }) => context.conns.connCount === 1,
    isLost: ({ context }) => context.conns.connCount === 0,
    /** Every link was dialed, and nobody was there; an acceptor has but the one that came. */
    isHopeless: ({ context: { conns, role, limits } }) => conns.failures === (role === 'acceptor' ? 1 : limits.numTunaListeners),
    isForeign: ({ context: { conns, role } }) => role === 'dialer' && conns.isForeign,
    /** A dialer that comes back has not forgotten, however short its wires live. */
    isDisowned: ({ context: { role, conns } }) => role === 'dialer' && conns.doubts.isDisowned,
  },
  delays: {
    reconnectWindow: ({ context }) => context.limits.reconnectWindowMs,
  },
});
