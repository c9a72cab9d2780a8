import { SessionError } from '../../machines/errors.js';
import type { ShipCodec, ShipMessage, ShipPayload, ShipSayable } from '../../machines/ship/ship.messages.js';

/**
 * A codec that encodes each payload once. The size of a payload is asked for before it is written, and the encoding that the size comes
 * from is kept until then: for one payload, and with each copy of a message that waits for room.
 */
export class PayloadEncoder implements ShipCodec {
  readonly #codec: ShipCodec;
  #measured: { readonly payload: ShipPayload; readonly bytes: Uint8Array } | undefined;
  #decoded: ShipPayload | undefined; // The newest one, and how many bytes it came in.
  #decodedBytes = 0;
  readonly #waiting = new WeakMap<object, Uint8Array>();
  readonly #sizes = new WeakMap<object, number>(); // Of received payloads that the application takes later.

  constructor(codec: ShipCodec) {
    this.#codec = codec;
  }

  /** Bytes on the wire; those of a received payload are as they came. @throws SessionError as `encode` does */
  sizeOf(payload: ShipPayload): number {
    if (typeof payload !== 'object' || payload === null)
      throw new SessionError(
        'not-a-message',
        `expected an object with one member, got ${payload === null ? 'null' : typeof payload}`,
      );
    if (payload === this.#decoded) {
      this.#decoded = undefined;
      this.#sizes.set(payload, this.#decodedBytes);
    }
    const received = this.#sizes.get(payload);
    if (received !== undefined) return received;
    const bytes = this.#codec.encode({ kind: 'data', payload });
    this.#measured = { payload, bytes };
    return bytes.length;
  }

  /** A payload that outlives the caller's, which may change it. */
  copy(payload: ShipPayload): ShipPayload {
    const copied = structuredClone(payload);
    const bytes = this.#takeMeasured(payload);
    if (bytes !== undefined) this.#waiting.set(copied as object, bytes);
    return copied;
  }

  encode(message: ShipSayable): Uint8Array {
    if (message.kind !== 'data') return this.#codec.encode(message);
    const { payload } = message;
    const waiting = this.#waiting.get(payload as object);
    if (waiting === undefined) return this.#takeMeasured(payload) ?? this.#codec.encode(message);
    this.#waiting.delete(payload as object);
    return waiting;
  }

  decode(bytes: Uint8Array): ShipMessage {
    const message = this.#codec.decode(bytes);
    if (message.kind === 'data') {
      this.#decoded = message.payload;
      this.#decodedBytes = bytes.length;
    }
    return message;
  }

  #takeMeasured(payload: ShipPayload): Uint8Array | undefined {
    const measured = this.#measured;
    if (measured?.payload !== payload) return undefined;
    this.#measured = undefined;
    return measured.bytes;
  }
}
