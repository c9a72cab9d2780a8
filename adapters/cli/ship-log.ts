import type { Closing } from '../../machines/closing.js';
import { API_STATES } from '../../machines/connection/api-state.js';
import { shipAdvice, stringifyPayload, type Hub, type HubReader, type ShipMessage } from '../ship/index.js';
import type { Output } from './output.js';

const STATE_WORDS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries({
    none: 'no connection',
    queued: 'waiting to dial',
    initiated: 'dialing',
    receivedPairingRequest: 'requests pairing',
    inProgress: 'handshake in progress',
    trusted: 'both sides trust each other',
    pin: 'PIN phase (none is asked for)',
    completed: 'connected',
    remoteDeniedTrust: 'the user of the other side denied trust',
    error: 'failed',
  }).map(([state, words]) => [API_STATES[state as keyof typeof API_STATES], words]),
);

/** Tells what a SHIP node does, step by step: lines for people, objects for programs. */
export class ShipLog {
  readonly #began = performance.now();
  #connections = 0;
  #messages = 0;
  #hub: Hub | undefined;
  #ends = new Map<string, (closing: Closing) => void>();
  #arrivals = new Map<string, (word: 'connected') => void>();

  constructor(readonly output: Output) {}

  follow(hub: Hub): void {
    this.#hub = hub;
    hub.engine.on((event) => {
      if (event.type === 'closing') this.#ended(event.peer, event.closing);
      if (event.type === 'refused') {
        const { remoteAddress, code, reason } = event;
        this.output.tell({ event: 'refused', remoteAddress, code, ...(reason === undefined ? {} : { reason }) });
        this.#line('', `refused ${event.remoteAddress}: ${event.code}${reason === undefined ? '' : ` (${reason})`}`);
      }
    });
  }

  /** Resolves with the first end of an attempt or connection to this peer. */
  firstEnd(ski: string): Promise<Closing> {
    return new Promise((resolve) => this.#ends.set(ski, resolve));
  }
  connected(ski: string): Promise<'connected'> {
    return new Promise((resolve) => this.#arrivals.set(ski, resolve));
  }

  readonly trace = (ski: string, direction: 'said' | 'heard', message: ShipMessage): void => {
    if (message.kind === 'data') this.#messages++;
    this.output.tell({ event: 'message', ski, direction, message });
    this.#line(ski, `${direction === 'said' ? '→' : '←'} ${wordsOf(message)}`);
  };

  reader({ isEchoing, mayWait }: { isEchoing: boolean; mayWait: () => boolean }): HubReader {
    return {
      serviceConnectionStateChanged: (ski, state) => {
        this.output.tell({ event: 'state', ski, state });
        this.#line(ski, STATE_WORDS[state] ?? String(state));
      },
      remoteSKIConnected: (ski) => {
        this.#connections++;
        this.output.tell({ event: 'connected', ski });
        this.#arrivals.get(ski)?.('connected');
      },
      remoteSKIDisconnected: (ski, { code }) => this.output.tell({ event: 'disconnected', ski, code }),
      serviceShipIDUpdate: (ski, shipId) => {
        this.output.tell({ event: 'shipId', ski, shipId });
        this.#line(ski, `its SHIP id is ${shipId}`);
      },
      setupRemoteDevice: (_, connection) => (message) => {
        if (isEchoing) connection.write(message);
      },
      visibleRemoteServicesUpdated: (services) => {
        this.output.tell({ event: 'found', services });
        for (const { ski, brand, model, host, addresses, port } of services) {
          const what = [brand, model].filter((each) => each !== undefined).join(' ');
          this.#line(ski, `found${what === '' ? '' : `: ${what}`} at ${host ?? addresses[0] ?? 'no address'}, port ${port}`);
        }
      },
      allowWaitingForTrust: () => mayWait(),
      dialingStopped: (ski, { code }, advice) => {
        this.output.tell({ event: 'dialingStopped', ski, code, advice });
        this.#line(ski, 'is no longer dialed: the user of the other side denied trust');
      },
      connectionLimitReached: (ski, max) => {
        this.output.tell({ event: 'limitReached', ski, max });
        this.#line(ski, `waits: the limit of ${max} connections is reached`);
      },
      trustNotKept: (ski, { message }) => {
        this.output.tell({ event: 'trustNotKept', ski, message });
        this.#line(ski, `its pairing was not saved: ${message}`);
      },
      trustWriteFailed: ({ message }) => {
        this.output.tell({ event: 'trustWriteFailed', message });
        this.output.warn(`pairings cannot be saved: ${message}`);
      },
      certificateWarning: ({ code, message }) => {
        this.output.tell({ event: 'certificateWarning', code, message });
        this.output.warn(message);
      },
    };
  }

  summarize(): void {
    const seconds = Math.round((performance.now() - this.#began) / 100) / 10;
    this.output.tell({
      connections: this.#connections,
      messages: this.#messages,
      seconds,
      states: this.#hub?.debugConnectionState(),
    });
  }

  #ended(ski: string, closing: Closing): void {
    const { side, code, reason, detail } = closing;
    const advice = shipAdvice(code);
    this.output.tell({ event: 'ended', ski, side, code, message: reason, ...(detail === undefined ? {} : { detail }), advice });
    if (code === 'cancelled') return this.#ends.get(ski)?.(closing); // Called off here: the lines around it say why.
    const more = [detail?.rule, detail?.message, detail?.cause?.reason, detail?.cause?.code].filter((each) => each !== undefined);
    this.#line(ski, `ended: ${reason}${more.length === 0 ? '' : ` (${more.join(', ')})`}`);
    if (side === 'remote' || code === 'violated') this.#line(ski, `  ${advice}`);
    this.#ends.get(ski)?.(closing);
  }

  #line(ski: string, words: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(3).padStart(8);
    this.output.say(`${seconds}  ${ski === '' ? ' '.repeat(8) : ski.slice(0, 8)}  ${words}`);
  }
}

/** One message in words. */
function wordsOf(message: ShipMessage): string {
  switch (message.kind) {
    case 'init':
      return `connection mode ${message.value}`;
    case 'hello': {
      const wait = message.waitingMs === undefined ? '' : `, waits ${Math.round(message.waitingMs / 1000)} s`;
      return `hello: ${message.phase}${wait}${message.prolongationRequest === true ? ', asks for more time' : ''}`;
    }
    case 'protocol':
      return `protocol: ${message.handshakeType} ${message.version.major}.${message.version.minor} ${message.formats.join(' ')}`;
    case 'protocol-error':
      return `protocol error ${message.error} (${PROTOCOL_ERRORS[message.error] ?? 'unknown'})`;
    case 'pin':
      return `PIN: ${message.pinState}`;
    case 'access':
      return message.id === undefined ? 'I have no SHIP id' : `my SHIP id is ${message.id}`;
    case 'access-request':
      return 'what is your SHIP id?';
    case 'close':
      return `close: ${message.phase}${message.reason === undefined ? '' : ` (${message.reason})`}`;
    case 'data':
      return `data ${clipped(stringifyPayload(message.payload))}`;
    case 'malformed':
    case 'unknown':
      return `malformed: ${message.reason}`;
    case 'pin-input':
      return 'PIN input';
    case 'pin-error':
      return `PIN error ${message.error}`;
  }
}

const PROTOCOL_ERRORS: Readonly<Record<number, string>> = { 1: 'timeout', 2: 'unexpected message', 3: 'selection mismatch' };

function clipped(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}… (${text.length} characters)` : text;
}
