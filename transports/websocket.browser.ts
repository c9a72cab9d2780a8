import { badAddress, hostAndPort, parseWebSocketAddress, type WebSocketAddress } from './address.js';
import { BROWSER_WEBSOCKET_RULES, checked } from './checked.js';
import { causeOfClose, sendableCode, sendableReason } from './close-codes.js';
import { HIGH_WATER_BYTES } from './corked-wire.js';
import { MessageWire } from './message-wire.js';
import type { Opener, Transport, WireCause } from '../machines/ports.js';

/** Options of a browser's WebSocket. */
export interface BrowserWebSocketOptions {
  /** Subprotocols to offer, the preferred one first. Default resume, version 1. */
  readonly protocols?: readonly string[];
  /** A message above this ends the wire as `oversized`. Default 17 MiB. A browser has taken it in by then. */
  readonly messageBytesMax?: number;
  /** Whether small pieces sent under a cork may share one message. Default true. */
  readonly pack?: boolean;
}

/** How often a full WebSocket is checked for room: about 60 MB/s at 256 KiB a time, chosen without measurement. */
const DRAIN_POLL_MS = 4;

/**
 * WebSockets by the platform's own `WebSocket`: dials `ws://` and `wss://`, where the browser checks certificates and there
 * is no identity. It can't listen, can't ping, and can't hold back the peer: messages that arrive while the reader has paused are
 * kept, up to 64 MiB. A holdfast that listens admits a page only if its `origins` name the page's own.
 */
export function websocket(options: BrowserWebSocketOptions = {}): Transport {
  checked('websocket', BROWSER_WEBSOCKET_RULES, options);
  return {
    name: 'websocket',
    schemes: ['ws', 'wss'],
    boundaries: 'message',
    secure: false,
    dial(address) {
      const scheme = /^wss:/i.test(address) ? 'wss' : 'ws';
      return dialing(parseWebSocketAddress(address, scheme, 'dial'), options);
    },
    listen(address) {
      throw badAddress(address, 'a browser cannot listen');
    },
  };
}

function dialing(target: WebSocketAddress, options: BrowserWebSocketOptions): Opener {
  return (handler) => {
    const wire = new BrowserWire(target, options);
    wire.handler = handler;
    return () => wire.destroy();
  };
}

class BrowserWire extends MessageWire {
  #websocket: WebSocket;
  #isPolling = false;

  constructor(
    target: WebSocketAddress,
    { protocols = ['holdfast.resume.v1'], messageBytesMax = 17 << 20, pack = true }: BrowserWebSocketOptions,
  ) {
    super({ remoteAddress: hostAndPort(target.host, target.port), pack });
    const websocket = new WebSocket(target.url, [...protocols]);
    websocket.binaryType = 'arraybuffer';
    websocket.onopen = () => this.opened();
    websocket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (!(data instanceof ArrayBuffer)) return this.#complain({ kind: 'malformed', code: 1003, reason: 'the peer sent text' });
      if (data.byteLength > messageBytesMax) return this.#complain({ kind: 'oversized', reason: `${data.byteLength} bytes` });
      this.received(new Uint8Array(data));
    };
    websocket.onerror = () => {}; // It carries no reason, and `close` follows.
    // A browser does not report why an attempt failed: no listener, no route, a bad certificate, or a refusal.
    websocket.onclose = ({ code, reason }) => this.over(this.hasOpened ? causeOfClose(code, reason) : { kind: 'refused', code });
    this.#websocket = websocket;
  }

  protected transmit(message: Uint8Array<ArrayBuffer>): void {
    this.#websocket.send(message);
  }

  protected get waitingBytes(): number {
    return this.#websocket.bufferedAmount;
  }

  /** Browsers have no event for this. */
  protected awaitDrain(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    setTimeout(() => {
      this.#isPolling = false;
      if (this.waitingBytes < HIGH_WATER_BYTES) this.drained();
      else if (this.isOpen) this.awaitDrain();
    }, DRAIN_POLL_MS);
  }

  protected flow(): void {}

  protected bow(code: number | undefined, reason: string | undefined): void {
    if (code === undefined && reason === undefined) this.#websocket.close();
    else this.#websocket.close(sendableCode(code), sendableReason(reason));
  }

  /** There is no reset here: the closing handshake goes on in the background. */
  protected cut(): void {
    this.#websocket.close();
    queueMicrotask(() => this.over({ kind: 'aborted' }));
  }

  #complain(cause: WireCause): void {
    this.blame(cause);
    this.#websocket.close(4000, sendableReason(cause.reason));
  }
}
