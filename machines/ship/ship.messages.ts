/** The vocabulary of SHIP (EEBus SHIP TS 1.0.1). How a message lies on the wire is the codec's business (`adapters/ship`). */

/** Connection mode initialisation: what both sides say first. Anything but 0 ends the connection. */
export interface ShipInit {
  readonly value: number;
}

export interface ShipHello {
  readonly phase: 'pending' | 'ready' | 'aborted';
  /** How long the speaker will wait for the other. */
  readonly waitingMs?: number;
  readonly prolongationRequest?: boolean;
}

export interface ShipProtocolHandshake {
  readonly handshakeType: 'announceMax' | 'select';
  readonly version: { readonly major: number; readonly minor: number };
  /** `JSON-UTF8`, `JSON-UTF16`. */
  readonly formats: readonly string[];
}

/** The error number of `messageProtocolHandshakeError`: 1 timeout, 2 unexpected message, 3 selection mismatch. */
export type ShipProtocolErrorNumber = number;

export interface ShipPinState {
  readonly pinState: 'required' | 'optional' | 'pinOk' | 'none';
  readonly inputPermission?: 'busy' | 'ok';
}

export interface ShipAccessMethods {
  /** The SHIP id of the speaker, never empty. Mandatory from SHIP 1.1 on; a 1.0 device may leave it out. */
  readonly id?: string;
  /** Says that the speaker can be found by mDNS. */
  readonly dnsSdMdns?: true;
  readonly dnsUri?: string;
}

export interface ShipClose {
  readonly phase: 'announce' | 'confirm';
  readonly maxTimeMs?: number;
  /** `unspecific` or `removedConnection`; ship-go puts free text here. */
  readonly reason?: string;
}

/** An ordinary JSON object with one member, e.g. `{ datagram: { … } }`. Integers beyond 2^53 are `bigint`s (see `stringifyPayload`). */
export type ShipPayload = Readonly<Record<string, unknown>>;

export interface ShipData {
  /** Always `ee1.0`; no known peer checks it. Sent also when it is left out. */
  readonly protocolId?: string;
  readonly payload: ShipPayload;
  readonly extension?: ShipExtension;
}

/** Declared by the standard, used by no known device. */
export interface ShipExtension {
  readonly extensionId?: string;
  /** Hex digits, as they came. */
  readonly binary?: string;
  readonly string?: string;
}

/** Every message there is, and the two that are none. */
export type ShipMessage =
  | ({ readonly kind: 'init' } & ShipInit)
  | ({ readonly kind: 'hello' } & ShipHello)
  | ({ readonly kind: 'protocol' } & ShipProtocolHandshake)
  | { readonly kind: 'protocol-error'; readonly error: ShipProtocolErrorNumber }
  | ({ readonly kind: 'pin' } & ShipPinState)
  | { readonly kind: 'pin-input'; readonly pin: string }
  | { readonly kind: 'pin-error'; readonly error: number }
  | { readonly kind: 'access-request' }
  | ({ readonly kind: 'access' } & ShipAccessMethods)
  | ({ readonly kind: 'close' } & ShipClose)
  | ({ readonly kind: 'data' } & ShipData)
  /** Well formed, and of no kind that is known. */
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Messages that can be said. */
export type OutgoingShipMessage = Exclude<ShipMessage, { readonly kind: 'unknown' | 'malformed' }>;

export interface ShipCodec {
  /** Never throws. */
  decode(bytes: Uint8Array): ShipMessage;
  /**
   * @throws SessionError `not-a-message` for a payload that can't be said: not JSON, or not exactly one member; `too-large`
   *   beyond the limits of the codec
   */
  encode(message: OutgoingShipMessage): Uint8Array;
}
