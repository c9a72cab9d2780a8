import { assign, enqueueActions, sendParent, setup, type ActorRefFrom } from 'xstate';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import type { GrantDesk } from '../grant.service.js';
import type { Clock, Opener } from '../ports.js';
import type { ProtocolNews } from '../protocol.js';
import { tunaLinkMachine, type AddressBook, type LinkInput, type LinkNews } from './link.machine.js';
import { ncpMachine, type NcpNews, type TunaPump } from './ncp.machine.js';
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
  readonly pump: TunaPump;
  readonly clock: Clock;
  readonly desk: GrantDesk;
  /** The wire to begin with. */
  readonly opener: Opener;
}

type LinkRef = ActorRefFrom<typeof tunaLinkMachine>;

export interface TunaContext extends TunaInput {
  readonly limits: TunaLimits;
  readonly addresses: AddressBook | undefined;
  /** Link actors by the plane's slot; a link `i` has the slots `i` and `i + numTunaListeners`, for a wire and its successor. */
  readonly links: readonly (LinkRef | undefined)[];
  /** Slots with a joined wire, one bit each; and links of which a dial has failed. */
  readonly joined: number;
  readonly failed: number;
  readonly everOpened: boolean;
  /** Wires in a row that were opened and closed by the peer without a packet. */
  readonly rejections: number;
  readonly closing?: Closing;
}

/** Which link an opening means; what doesn't say so gets the first that has no wire. */
export interface TunaOffer {
  readonly link?: number;
}

/** Wires per link, in a row, that end without a word of the peer: it has given the session up. A real Go peer does so for 5 minutes. */
const REJECTIONS_PER_LINK = 3;

export function countOf(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}

const inputOf = (context: TunaContext, slot: number, opener: Opener | undefined): LinkInput => ({
  role: context.role,
  index: slot % context.limits.numTunaListeners,
  slot,
  pump: context.pump,
  clock: context.clock,
  desk: context.desk,
  limits: context.limits,
  addresses: context.addresses,
  opener,
});

/** Where a wire that was offered goes: its link's slot that has none, or the one whose wire has proven nothing. */
export function slotFor(context: TunaContext, { link }: TunaOffer): number {
  const { numTunaListeners: n } = context.limits;
  const isJoined = (slot: number): boolean => (context.joined & (1 << slot)) !== 0;
  const isFree = (i: number): boolean => !isJoined(i) && !isJoined(i + n);
  let index = link ?? 0;
  if (link === undefined) while (index < n - 1 && (!isFree(index) || context.links[index] !== undefined)) index++;
  index %= n;
  return isJoined(index) ? index + n : index;
}

export const tunaSetup = setup({
  types: {
    context: {} as TunaContext,
    input: {} as TunaInput,
    events: {} as TunaEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as { rule?: string },
  },
  actors: { ncp: ncpMachine, link: tunaLinkMachine },
  actions: {
    bindPump: ({ context, self }) => context.pump.bind(self),
    /** A dialer has all its links from the beginning; an acceptor gets them as they come. */
    spawnLinks: assign({
      links: ({ context, spawn }) => {
        const { role, limits, opener, pump } = context;
        const links = new Array<LinkRef | undefined>(2 * limits.numTunaListeners).fill(undefined);
        if (role === 'acceptor') {
          const slot = slotFor({ ...context, links }, pump.plane.seed.offer ?? {});
          links[slot] = spawn('link', { id: `link ${slot}`, input: inputOf(context, slot, opener) });
        } else
          for (let slot = 0; slot < limits.numTunaListeners; slot++) {
            const own = slot === 0 ? opener : undefined;
            links[slot] = spawn('link', { id: `link ${slot}`, input: inputOf(context, slot, own) });
          }
        return links;
      },
    }),
    offerLink: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'wire.offered') return;
      const { opener, opening } = event;
      const slot = slotFor(context, opening as TunaOffer);
      const { numTunaListeners: n } = context.limits;
      const link = context.links[slot];
      if (link === undefined)
        enqueue.assign({
          links: ({ spawn }) =>
            context.links.with(slot, spawn('link', { id: `link ${slot}`, input: inputOf(context, slot, opener) })),
        });
      else enqueue.sendTo(link, { type: 'wire.offered', opener });
      const rival = context.links[(slot + n) % (2 * n)];
      if (rival !== undefined) enqueue.sendTo(rival, { type: 'rival.came' });
    }),
    /** A newcomer has proven itself: the wire it replaces goes. */
    noteJoined: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'link.joined') return;
      enqueue.assign({ joined: context.joined | (1 << event.slot), rejections: 0 });
      const { numTunaListeners: n } = context.limits;
      const rival = context.links[(event.slot + n) % (2 * n)];
      if (rival !== undefined) enqueue.sendTo(rival, { type: 'rival.proven' });
    }),
    noteEnded: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'link.ended') return;
      const { slot, wasOpened, wasJoined } = event;
      enqueue.assign({
        joined: context.joined & ~(1 << slot),
        failed: context.failed | (1 << slot),
        rejections: wasOpened && !wasJoined ? context.rejections + 1 : context.rejections,
      });
      const { numTunaListeners: n } = context.limits;
      const rival = context.links[(slot + n) % (2 * n)];
      if (rival !== undefined) enqueue.sendTo(rival, { type: 'rival.gone' });
    }),
    noteOpened: assign({ everOpened: true }),
    tellLink: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'link.proven' && event.type !== 'link.silent' && event.type !== 'link.spoilt') return;
      const link = context.links[event.link];
      if (link !== undefined) enqueue.sendTo(link, { type: event.type });
    }),
    tellNcp: enqueueActions(({ event, enqueue }) => {
      switch (event.type) {
        case 'peer.greeted':
        case 'peer.closed':
        case 'peer.strayed':
        case 'log.drained':
          return enqueue.sendTo('ncp', event);
        case 'close':
          return enqueue.sendTo('ncp', { type: 'close', now: event.now });
        default:
      }
    }),
    tellGone: enqueueActions(({ enqueue }) => enqueue.sendTo('ncp', { type: 'links.gone' })),
    probeLinks: ({ context }) => {
      context.pump.plane.probe(context.clock.now(), context.limits.wakeProbeTimeoutMs);
      context.pump.flush();
    },
    stopPump: ({ context }) => context.pump.stop('polite'),
    tellParent: sendParent((_, news: ProtocolNews) => news),
    record: assign((_, { code, side }: { code: ClosingCode; side: 'local' | 'remote' }) => ({ closing: closing(code, side) })),
    recordAbort: assign({ closing: ({ event }) => (event.type === 'abort' ? event.closing : closing('internal', 'local')) }),
    recordCause: assign({
      closing: ({ event }) =>
        event.type === 'link.ended' && event.cause !== undefined ? closingOf(event.cause) : closing('unreachable', 'remote'),
    }),
    recordOutput: assign({
      closing: ({ event }) => (event as { output?: { closing: Closing } }).output?.closing ?? closing('internal', 'local'),
    }),
  },
  guards: {
    isOpen: ({ context }) => countOf(context.joined) >= context.pump.plane.linksExpected,
    isAlone: ({ context }) => countOf(context.joined) === 1,
    isLost: ({ context }) => context.joined === 0,
    /** Every link was dialed, and nobody was there. */
    isHopeless: ({ context, event }) =>
      event.type === 'link.ended' &&
      !context.everOpened &&
      (context.role === 'acceptor' || countOf(context.failed | (1 << event.slot)) === context.limits.numTunaListeners),
    isDisowned: ({ context, event }) =>
      event.type === 'link.ended' &&
      event.wasOpened &&
      !event.wasJoined &&
      context.rejections + 1 >= REJECTIONS_PER_LINK * context.limits.numTunaListeners,
  },
  delays: {
    reconnectWindow: ({ context }) => context.limits.reconnectWindowMs,
  },
});
