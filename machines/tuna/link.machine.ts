import { assign, fromCallback, sendTo, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { parent } from '../protocol.setup.js';
import { redialService, type RedialEvent } from '../redial.service.js';
import type { Opener, WireCause } from '../ports.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { TunaSession } from './ncp.machine.js';
import { TUNA_LIMITS, type TunaLimits } from './tuna.timing.js';

export interface LinkInput {
  readonly role: 'dialer' | 'acceptor';
  readonly session: TunaSession;
  /** The plane's slot for its wire; for a dialer, which link of the session it is. */
  readonly slot: number;
  /** There is a wire to begin with, and it is kept in reserve; where it is dialed. */
  readonly hasWire: boolean;
  readonly isReserve: boolean;
  readonly address: string | undefined;
}

export interface LinkContext extends LinkInput {
  /** The wire of the moment, or the last one, was open. */
  readonly wasOpened: boolean;
  readonly cause: WireCause | undefined;
  /** When the wire was closed, where `cause` says that it was. */
  readonly closedAt: number;
  /** Questions in a row that brought no address. */
  readonly misses: number;
}

export type AddressEvent = { type: 'address.found'; address: string | undefined } | { type: 'address.missing'; reason: string };

export type LinkEvent =
  | WireEvent
  | RedialEvent
  | AddressEvent
  | { type: 'wire.offered'; opener: Opener; isReserve: boolean }
  | { type: 'link.proven' }
  | { type: 'link.silent' }
  | { type: 'link.corrupt' }
  | { type: 'rival.came' } // A newer wire for the same link has said its opening, and proven nothing.
  | { type: 'link.called' } // Acceptor: a place is free for this wire, which was kept in reserve.
  | { type: 'link.demoted' } // Acceptor: the peer uses another wire, and not this one.
  | { type: 'link.spare' } // Dialer: the peer has fewer links, and there are enough.
  | { type: 'link.needed' } // Dialer: there are fewer than the peer has.
  | { type: 'rival.gone' }
  | { type: 'rival.proven' };

/** To the session above. */
export type LinkNews =
  | { type: 'link.opened'; slot: number; address: string | undefined }
  | { type: 'link.joined'; slot: number }
  | { type: 'reserve.entered'; slot: number }
  | { type: 'link.ended'; slot: number; wasOpened: boolean; wasJoined: boolean; cause: WireCause | undefined; at: number }
  | { type: 'address.none'; slot: number; cause: WireCause } // There is nowhere to dial at the moment.
  | { type: 'session.unknown' }; // The peer says that it has no such session any more.

/** Where to dial: the session's book is asked, and where other links dial, its plane knows. */
const addressService = fromCallback<EventObject, { session: TunaSession; slot: number }>(
  ({ input: { session, slot }, sendBack }) => {
    const { addresses, input } = session.plane;
    if (input.addresses === undefined) {
      sendBack({ type: 'address.found', address: undefined } satisfies AddressEvent);
      return undefined;
    }
    return input.addresses((reply) => {
      if (reply.word === 'session-closed') return sendBack({ type: 'session.closed' });
      const address = reply.word === 'addresses' ? addresses.addressFor(slot, reply.addresses) : undefined;
      const reason = reply.word === 'no-answer' ? 'the peer does not answer' : 'the peer has no address for this link';
      addresses.dials(slot, address); // Known to the others from here on, who are answered in the same turn.
      sendBack(address === undefined ? { type: 'address.missing', reason } : { type: 'address.found', address });
    });
  },
);

/** Between two questions for an address that is missing, at most. */
const QUESTION_PAUSE_MAX_MS = 60_000;

const limits = ({ context }: { readonly context: LinkContext }): TunaLimits => context.session.plane.input.limits;

const linkSetup = setup({
  types: {
    context: {} as LinkContext,
    input: {} as LinkInput,
    events: {} as LinkEvent | { type: 'session.closed' },
    tags: {} as 'joined',
    meta: {} as ChartMeta,
  },
  actors: { wire: wireService, dialPermit: redialService, addresses: addressService },
  actions: {
    takeWire: ({ context: { session, slot }, event }) => {
      if (event.type === 'wire.offered') session.offer(event.opener, slot);
    },
    noteWire: assign(({ context, event }) => ({
      hasWire: true,
      isReserve: event.type === 'wire.offered' ? event.isReserve : context.isReserve,
      wasOpened: false,
      cause: undefined,
      closedAt: 0,
    })),
    notePlace: assign({ isReserve: false }),
    useAddress: assign({ address: ({ event }) => (event.type === 'address.found' ? event.address : undefined) }),
    noteMiss: assign({ misses: ({ context }) => context.misses + 1 }),
    forgetMisses: assign({ misses: 0 }),
    forgetAddress: ({ context }) => context.session.plane.addresses.dials(context.slot, undefined),
    enterReserve: ({ context }) => context.session.plane.retire(context.slot),
    enlist: ({ context: { session, slot } }) => {
      session.plane.enlist(slot, session.now());
      session.gather();
    },
    tellReserved: sendTo(parent, ({ context }): LinkNews => ({ type: 'reserve.entered', slot: context.slot })),
    noteOpened: assign({ wasOpened: true }),
    noteCause: assign(({ event }) => (event.type === 'wire.closed' ? { cause: event.cause, closedAt: event.at } : {})),
    noteEnded: assign({ hasWire: false }),
    noteCompleted: ({ context }) => context.session.completeDial(context.slot),
    tellOpened: sendTo(parent, ({ context }): LinkNews => ({
      type: 'link.opened',
      slot: context.slot,
      address: context.address,
    })),
    tellJoined: sendTo(parent, ({ context }): LinkNews => ({ type: 'link.joined', slot: context.slot })),
    tellUnaddressed: sendTo(parent, ({ context, event }): LinkNews => {
      const reason = event.type === 'address.missing' ? event.reason : 'dialed as often as `reconnectRetries` allows';
      return { type: 'address.none', slot: context.slot, cause: { kind: 'resolve-failed', reason } };
    }),
    tellUnknown: sendTo(parent, (): LinkNews => ({ type: 'session.unknown' })),
    tellEnded: sendTo(parent, ({ context }, { wasJoined }: { wasJoined: boolean }): LinkNews => {
      const { slot, wasOpened, cause, closedAt: at } = context;
      return { type: 'link.ended', slot, wasOpened, wasJoined, cause, at };
    }),
  },
  guards: {
    hasWire: ({ context }) => context.hasWire,
    isDialer: ({ context }) => context.role === 'dialer',
    hasNoPlace: ({ context }) => context.role === 'acceptor' && context.isReserve,
  },
  delays: {
    openingTimeout: (args) => limits(args).openingTimeoutMs,
    settled: (args) => limits(args).settledMs,
    reconnectInterval: (args) => limits(args).reconnectIntervalMs,
    /** Ever longer: a link whose exit stays away is asked about once a minute. */
    questionPause: (args) => {
      const { reconnectIntervalMs } = limits(args);
      return Math.max(reconnectIntervalMs, Math.min(QUESTION_PAUSE_MAX_MS, reconnectIntervalMs * 2 ** (args.context.misses - 1)));
    },
  },
});

/**
 * One of the connections of a Tuna session: where to dial, the dial, the opening, and the time it carries packets. It ends with its
 * session; until then a lost wire is replaced, by asking for fresh addresses and dialing where this side dials, and by waiting
 * where the peer does. `meta.name` is the API state that each of its states stands for.
 */
export const tunaLinkMachine = linkSetup.createMachine({
  id: 'link',
  meta: {
    delays: {
      openingTimeout: TUNA_LIMITS.openingTimeoutMs,
      settled: TUNA_LIMITS.settledMs,
      questionPause: TUNA_LIMITS.reconnectIntervalMs, // And ever longer, up to a minute.
      reconnectInterval: TUNA_LIMITS.reconnectIntervalMs,
    },
  },
  context: ({ input }) => ({
    ...input,
    wasOpened: false,
    cause: undefined,
    closedAt: 0,
    misses: 0,
  }),
  options: { maxIterations: 1000 },
  initial: 'choosing',
  states: {
    choosing: {
      meta: { name: 'none' },
      always: [{ guard: 'hasWire', target: 'wired' }, { guard: 'isDialer', target: 'resolving' }, 'awaiting'],
    },
    awaiting: {
      meta: { name: 'none' },
      description: 'Only the dialer can come back.',
      on: { 'wire.offered': { target: 'wired', actions: ['takeWire', 'noteWire'] } },
    },
    resolving: {
      meta: { name: 'queued', rule: 'TUNA-5' },
      invoke: {
        src: 'addresses',
        id: 'addresses',
        input: ({ context: { session, slot } }) => ({ session, slot }),
      },
      on: {
        'address.found': { target: 'resting', actions: 'useAddress' },
        'address.missing': { target: 'unaddressed', actions: ['noteMiss', 'tellUnaddressed'] },
        'link.spare': 'spare',
        'session.closed': { target: 'unaddressed', actions: 'tellUnknown' },
      },
    },
    unaddressed: {
      meta: { name: 'queued' },
      description: 'The peer has no address for this link at the moment.',
      on: { 'link.spare': 'spare' },
      after: { questionPause: 'resolving' },
    },
    resting: {
      meta: { name: 'queued' },
      invoke: {
        src: 'dialPermit',
        id: 'dialPermit',
        input: ({ context: { session, slot, address } }) => ({ session, link: slot, address }),
      },
      on: {
        'redial.permitted': { target: 'wired', actions: 'noteWire' },
        'redial.exhausted': { target: 'unaddressed', actions: 'noteMiss' },
        'link.spare': 'spare',
      },
    },
    spare: {
      meta: { name: 'none', rule: 'TUNA-10' },
      description: 'The peer has fewer links than this side, and all that it has are there.',
      entry: 'forgetAddress',
      on: { 'link.needed': 'helping' },
    },
    helping: {
      meta: { name: 'queued', rule: 'TUNA-10' },
      description: 'A link is missing. It comes back by itself, as a rule.',
      on: { 'link.spare': 'spare' },
      after: { reconnectInterval: 'resolving' },
    },
    wired: {
      invoke: {
        src: 'wire',
        id: 'wire',
        input: ({ context: { session, slot } }) => ({ session, link: slot }),
      },
      on: {
        'wire.closed': { target: 'choosing', actions: 'noteCause' },
        'link.silent': 'choosing',
        'link.corrupt': 'choosing',
      },
      exit: 'noteEnded',
      initial: 'dialing',
      states: {
        dialing: {
          meta: { name: 'initiated' },
          on: {
            'wire.opened': [
              { guard: 'hasNoPlace', target: 'reserve', actions: 'noteOpened' },
              { target: 'opening', actions: ['noteOpened', 'tellOpened'] },
            ],
            'wire.offered': { target: '#link.wired', reenter: true, actions: ['takeWire', 'noteWire'] },
            'link.called': { actions: 'notePlace' },
            'link.spare': { target: '#link.spare', actions: { type: 'tellEnded', params: { wasJoined: false } } },
            'wire.closed': {
              target: '#link.choosing',
              actions: ['noteCause', { type: 'tellEnded', params: { wasJoined: false } }],
            },
          },
        },
        opening: {
          meta: { name: 'inProgress', rule: 'TUNA-6' },
          on: {
            'link.proven': 'joined',
            'link.spare': { target: '#link.spare', actions: { type: 'tellEnded', params: { wasJoined: false } } },
            'wire.offered': {
              target: '#link.wired',
              reenter: true,
              actions: ['takeWire', 'noteWire'],
              description: 'Neither of the two has proven anything; the newer one counts.',
            },
            'wire.closed': {
              target: '#link.choosing',
              actions: ['noteCause', { type: 'tellEnded', params: { wasJoined: false } }],
            },
            'link.corrupt': { target: '#link.choosing', actions: { type: 'tellEnded', params: { wasJoined: false } } },
            'link.silent': { target: '#link.choosing', actions: { type: 'tellEnded', params: { wasJoined: false } } },
          },
          after: {
            openingTimeout: { target: '#link.choosing', actions: { type: 'tellEnded', params: { wasJoined: false } } },
          },
        },
        reserve: {
          meta: { name: 'inProgress', rule: 'TUNA-10' },
          description: 'The peer has more links than this side. Closed, it would be dialed again and again.',
          entry: ['enterReserve', 'tellReserved'],
          on: {
            'link.called': { target: 'opening', actions: ['notePlace', 'enlist', 'tellOpened'] },
            'wire.offered': {
              target: '#link.wired',
              reenter: true,
              actions: ['takeWire', 'noteWire'],
            },
            'wire.closed': {
              target: '#link.choosing',
              actions: ['noteCause', { type: 'tellEnded', params: { wasJoined: false } }],
            },
            'link.corrupt': { target: '#link.choosing', actions: { type: 'tellEnded', params: { wasJoined: false } } },
          },
        },
        joined: {
          tags: 'joined',
          meta: { name: 'completed' },
          entry: ['tellJoined', 'forgetMisses'],
          exit: { type: 'tellEnded', params: { wasJoined: true } },
          on: { 'rival.proven': '#link.choosing', 'link.demoted': 'reserve', 'link.spare': '#link.spare' },
          after: { settled: { actions: 'noteCompleted' } },
          initial: 'alone',
          states: {
            alone: { on: { 'rival.came': 'replacing' } },
            replacing: {
              meta: { name: 'completed', rule: 'TUNA-6' },
              description: 'A newer wire has come; this one carries on until that one has proven itself.',
              on: { 'rival.gone': 'alone' },
            },
          },
        },
      },
    },
  },
});
