import { assign, sendTo, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing } from '../closing.js';
import type { ProtocolCommand } from '../protocol.js';
import {
  abortedClosing,
  namedClosing,
  news,
  parent,
  sessionActions,
  UNEXPECTED,
  type ProtocolContext,
} from '../protocol.setup.js';
import type { PumpOver, SessionHandle } from '../session-handle.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { ShipPayload, ShipProtocolHandshake } from './ship.messages.js';
import type { ShipPlane } from './ship.plane.js';
import type { ShipAnswer, ShipSignal } from './ship.signals.js';

export type ShipEvent = WireEvent | ShipSignal | ShipAnswer | ProtocolCommand;

type ShipPump = PumpOver<ShipPlane, ShipPayload, ShipSignal>;

export interface ShipInput {
  readonly role: 'dialer' | 'acceptor';
  /** It has the one wire of this connection. */
  readonly session: SessionHandle<ShipPump>;
}

export interface ShipContext extends ProtocolContext<ShipPump> {
  /** The expected SKI of the peer. */
  readonly ski: string;
  /** The wait of a peer from which on more time is requested; as in `ShipTiming`. */
  readonly helloProlongThresholdMs: number;
  /** How long the peer waits, as it stated last or, where it left that out, as the standard has it at least; 0: it has said nothing. */
  readonly patienceMs: number;
  /** The peer's newest phase in the hello. */
  readonly peerPhase: 'unsaid' | 'pending' | 'ready';
  /** How long the peer takes to close, where it says so. */
  readonly announcedMs?: number | undefined;
  /** This side's user said no before there was a place to say it. */
  readonly isDenied: boolean;
}

/** The shortest wait in the hello that the standard allows (13.4.4.1). */
const HELLO_WAIT_MIN_MS = 60_000;

/** Close codes as ship-go and the standard have them (`spec/rules/ship.md`). */
export const SHIP_CLOSE = {
  general: { code: 4001, reason: 'close' },
  rejected: { code: 4452, reason: 'Node rejected by application' },
  idMismatch: { code: 4450, reason: 'SHIP id mismatch' },
  user: { code: 4500, reason: 'User close' },
  double: { code: 4001, reason: 'double connection' },
} as const;

/** The only version and format there are (13.4.4.2). */
const OUR_PROTOCOL: Omit<ShipProtocolHandshake, 'handshakeType'> = { version: { major: 1, minor: 0 }, formats: ['JSON-UTF8'] };

type Args = { readonly context: ShipContext };
const plane = ({ context }: Args): ShipPlane => context.session.plane;
const timing = (args: Args): ShipPlane['input']['timing'] => plane(args).input.timing;
const now = ({ context }: Args): number => context.session.now();
/** The rest of our wait, as our hello states it. */
const waitingMs = (args: Args): number => plane(args).wait.leftMs(now(args));

export const shipSetup = setup({
  types: {
    context: {} as ShipContext,
    input: {} as ShipInput,
    events: {} as ShipEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: { wire: wireService },
  actions: {
    ...sessionActions,
    /** The application's own words go where the transport has a place for them. */
    sendReason: (args) => {
      const { event } = args;
      const why = event.type === 'close' && event.message !== undefined ? fitting(event.message) : '';
      if (why !== '') plane(args).bidFarewell(SHIP_CLOSE.user.code, why);
    },
    bidFarewell: (args, { code, reason }: { code: number; reason: string }) => plane(args).bidFarewell(code, reason),

    sendInit: (args) => plane(args).say({ kind: 'init', value: 0 }),
    startWaiting: (args) => plane(args).wait.start(now(args)),
    prolongWaiting: (args) => plane(args).wait.prolong(),
    sendReady: (args) => plane(args).say({ kind: 'hello', phase: 'ready', waitingMs: waitingMs(args) }),
    sendPending: (args) => plane(args).say({ kind: 'hello', phase: 'pending', waitingMs: waitingMs(args) }),
    askForMore: (args) =>
      plane(args).say({ kind: 'hello', phase: 'pending', waitingMs: waitingMs(args), prolongationRequest: true }),
    // An action asks whether a user may decide, and an event answers, so that no guard depends on state outside of the chart.
    /** Is it trusted? */
    askTrust: ({ context: { session, ski }, self }) => {
      const isTrusted = session.plane.input.peers.isTrusted(ski);
      self.send({ type: 'peer.known', isTrusted, mayWait: isTrusted });
    },
    /** Can a user still decide? Asked before trust is read: the application may register the peer as it answers. */
    askPatience: ({ context: { session, ski }, self }) => {
      const { peers } = session.plane.input;
      const mayWait = peers.mayWait(ski);
      self.send({ type: 'peer.known', isTrusted: peers.isTrusted(ski), mayWait });
    },
    /** May it have more time? A trusted peer may, without a question to the application. */
    askLeave: ({ context: { session, ski }, self }) => {
      const { peers } = session.plane.input;
      const isTrusted = peers.isTrusted(ski);
      self.send({ type: 'peer.known', isTrusted, mayWait: isTrusted || peers.mayWait(ski) });
    },
    noteDenied: assign({ isDenied: true }),
    /**
     * Where the peer is, and how long it waits. `waiting` is optional: a message without it leaves what was stated before, and
     * where nothing was, the shortest that the standard allows holds.
     */
    notePeer: assign(({ context, event }) => {
      if (event.type !== 'ship.hello' || event.phase === 'aborted') return {};
      const unstated = context.patienceMs > 0 ? context.patienceMs : HELLO_WAIT_MIN_MS;
      return {
        peerPhase: event.phase,
        patienceMs: event.waitingMs ?? unstated,
      };
    }),
    countIgnored: (args) => plane(args).countIgnored(),
    sendAborted: (args) => plane(args).say({ kind: 'hello', phase: 'aborted' }),

    announceProtocol: (args) => plane(args).say({ kind: 'protocol', handshakeType: 'announceMax', ...OUR_PROTOCOL }),
    selectProtocol: (args) => plane(args).say({ kind: 'protocol', handshakeType: 'select', ...OUR_PROTOCOL }),
    sendProtocolError: (args, { error }: { error: number }) => plane(args).say({ kind: 'protocol-error', error }),

    sendPin: (args) => plane(args).say({ kind: 'pin', pinState: 'none' }),
    takeData: (args) => plane(args).takeData(),
    askAccess: (args) => plane(args).say({ kind: 'access-request' }),
    sendAccess: (args) => plane(args).say({ kind: 'access', id: plane(args).input.shipId }),
    learnShipId: (args) => {
      if (args.event.type !== 'ship.access' || args.event.id === undefined) return;
      const { peers, ski } = plane(args).input;
      if (peers.shipIdOf(ski) === undefined) peers.learn(ski, args.event.id);
    },
    giveData: (args) => plane(args).giveData(),
    probeWire: (args) => plane(args).probe(now(args)),

    sendAnnounce: (args) =>
      plane(args).sendLast({ kind: 'close', phase: 'announce', maxTimeMs: timing(args).closeTimeoutMs, reason: 'unspecific' }),
    sendConfirm: (args) => plane(args).say({ kind: 'close', phase: 'confirm' }),
    noteAnnounced: assign({ announcedMs: ({ event }) => (event.type === 'ship.close' ? event.maxTimeMs : undefined) }),

    recordClosing: assign(namedClosing),
    recordAbort: assign(abortedClosing),
    /** The words of an end that this side wants. */
    noteClosed: assign({
      closing: ({ context, event }) => {
        if (event.type === 'close')
          return closing(event.reason, 'local', event.message === undefined ? undefined : { message: event.message });
        return event.type === 'drain' ? closing('drained', 'local') : (context.closing ?? closing('closed', 'local'));
      },
    }),
    /** Confirmed without having been announced: the peer believes that it is over. */
    noteConfirmed: assign({ closing: ({ context }) => context.closing ?? closing('peer-goodbye', 'remote') }),
    recordWire: assign({
      closing: ({ event }) => (event.type === 'wire.closed' ? closingOfWire(event.cause) : UNEXPECTED),
    }),
    /** Told by name: an installer then sees which device answers at that address. */
    recordOtherPeer: assign({
      closing: ({ context, event }) => {
        const proven = event.type === 'wire.opened' ? event.identity?.ski : undefined;
        const message = `the device there has the SKI ${proven ?? '(none)'}, not ${context.ski}`;
        return closing('identity-mismatch', 'remote', { message });
      },
    }),
    /** Something came that has no place here. */
    recordViolation: assign(({ event }, { rule }: { rule: string }) => ({
      closing: closing('violated', 'remote', { rule, message: told(event) }),
    })),
    recordProtocolError: assign(({ event }, { error }: { error: number }) => ({
      closing:
        error === 1
          ? closing('handshake-timeout', 'remote')
          : closing('violated', 'remote', { rule: 'SHIP-5', message: told(event) }),
    })),
    recordPin: assign({
      closing: ({ event }) => closing('pin-unsupported', 'remote', { message: told(event) }),
    }),
    recordIdMismatch: assign({
      closing: ({ event }) => {
        const { id: given = '', known } = event.type === 'ship.access' ? event : {};
        return closing('ship-id-mismatch', 'remote', {
          message: `the peer says ${JSON.stringify(given)}, and was ${JSON.stringify(known)}`,
        });
      },
    }),
    tellParent: sendTo(parent, news),
  },
  guards: {
    isOtherPeer: ({ context, event }) => event.type === 'wire.opened' && event.identity?.ski !== context.ski,
    isClient: ({ context }) => context.role === 'dialer',
    isInit: ({ event }) => event.type === 'ship.init' && event.value === 0,
    isTrusted: ({ event }) => event.type === 'peer.known' && event.isTrusted,
    mayWait: ({ event }) => event.type === 'peer.known' && event.mayWait,
    mayNotWait: ({ event }) => event.type === 'peer.known' && !event.mayWait && !event.isTrusted,
    isDenied: ({ context }) => context.isDenied,
    isReady: ({ event }) => event.type === 'ship.hello' && event.phase === 'ready',
    isAborted: ({ event }) => event.type === 'ship.hello' && event.phase === 'aborted',
    isPending: ({ event }) => event.type === 'ship.hello' && event.phase === 'pending',
    asksForMore: ({ event }) => event.type === 'ship.hello' && event.phase === 'pending' && event.prolongationRequest === true,
    isPeerReady: ({ context }) => context.peerPhase === 'ready',
    /** A request that states no waiting changes nothing about the one stated before. */
    asksWithinPatience: ({ context, event }) =>
      event.type === 'ship.hello' &&
      event.phase === 'pending' &&
      event.prolongationRequest === true &&
      event.waitingMs === undefined &&
      context.patienceMs > 0,
    statesWaiting: ({ event }) => event.type === 'ship.hello' && event.waitingMs !== undefined,
    repeatsItself: ({ context }) => context.peerPhase !== 'unsaid',
    hasPatience: ({ context }) => context.patienceMs >= context.helloProlongThresholdMs,
    hasLittlePatience: ({ context }) => context.patienceMs > 0,
    isUnknownMessage: ({ event }) => event.type === 'ship.unknown' && event.isControl,
    isTimeoutError: ({ event }) => event.type === 'ship.protocol-error' && event.error === 1,
    isAnnouncement: ({ event }) =>
      event.type === 'ship.protocol' && event.handshakeType === 'announceMax' && event.formats.includes('JSON-UTF8'),
    isOddAnnouncement: ({ event }) => event.type === 'ship.protocol' && event.handshakeType === 'announceMax',
    isOurSelection: ({ event }) =>
      event.type === 'ship.protocol' &&
      event.handshakeType === 'select' &&
      event.version.major === 1 &&
      event.version.minor === 0 &&
      event.formats.length === 1 &&
      event.formats[0] === 'JSON-UTF8',
    /** Whether the peer repeats a message of the protocol handshake. */
    isRepeatedProtocol: ({ context, event }) =>
      event.type === 'ship.protocol' && (event.handshakeType === 'select' || context.role === 'acceptor'),
    isSelection: ({ event }) => event.type === 'ship.protocol' && event.handshakeType === 'select',
    needsNoPin: ({ event }) => event.type === 'ship.pin' && event.pinState === 'none',
    isAnotherShipId: ({ event }) =>
      event.type === 'ship.access' && event.id !== undefined && event.known !== undefined && event.known !== event.id,
    isAnnounce: ({ event }) => event.type === 'ship.close' && event.phase === 'announce',
    isConfirm: ({ event }) => event.type === 'ship.close' && event.phase === 'confirm',
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
  },
  delays: {
    initTimeout: (args) => timing(args).initTimeoutMs,
    helloWait: waitingMs,
    /** When to request more: shortly before the peer's patience ends. It has just stated it. */
    prolongationTime: ({ context }) => {
      const { helloProlongAheadMs, helloProlongMinMs } = timing({ context });
      return Math.max(helloProlongMinMs, context.patienceMs - helloProlongAheadMs);
    },
    briefTime: (args) => Math.max(waitingMs(args), args.context.patienceMs),
    abortDelay: (args) => timing(args).abortDelayMs,
    protocolTimeout: (args) => timing(args).protocolTimeoutMs,
    pinTimeout: (args) => timing(args).pinTimeoutMs,
    accessTimeout: (args) => timing(args).accessTimeoutMs,
    closeTimeout: (args) => timing(args).closeTimeoutMs,
    announcedTime: (args) => Math.min(args.context.announcedMs ?? Infinity, timing(args).closeTimeoutMs),
  },
});

/**
 * The closing of a wire's end. Devices exist that reject a peer by close code 4452 alone. No other end is a denial,
 * also not while the peer's user has still to decide: it closes as well where it restarts, is disconnected, or keeps another wire.
 */
function closingOfWire(cause: Parameters<typeof closingOf>[0]): Closing {
  if (cause.code === SHIP_CLOSE.rejected.code) return closing('trust-denied', 'remote', { cause });
  if (cause.code === SHIP_CLOSE.idMismatch.code) return closing('ship-id-mismatch', 'remote', { cause });
  return closingOf(cause);
}

/** Cuts text to the room of a close frame (RFC 6455, 5.5): 123 bytes, whole characters. */
function fitting(text: string): string {
  let fit = '';
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > 123) break;
    fit += character;
  }
  return fit;
}

/** An unexpected event in words, for people who look for the reason. */
function told(event: ShipEvent): string {
  switch (event.type) {
    case 'ship.malformed':
    case 'ship.unknown':
      return event.reason;
    case 'ship.pin':
      return `PIN state ${event.pinState}`;
    case 'ship.hello':
      return `unexpected hello: ${event.phase}`;
    case 'ship.protocol':
      return `unexpected protocol handshake: ${event.handshakeType}`;
    case 'ship.init':
      return `connection mode ${event.value}`;
    default:
      return `unexpected ${event.type.replace('ship.', '')}`;
  }
}
