/**
 * SHIP's messages as exact texts, written by hand and not by the codec under test. The wording is ship-go's, byte for
 * byte (see `spec/vectors/ship`), which is the EEBUS form: an object is a list of objects with one member each.
 */

/** The first byte of every message. */
export const shipType = { init: 0, control: 1, data: 2, end: 3 } as const;

/** One message: its first byte, and the text behind it. */
export interface ShipMessage {
  readonly type: number;
  readonly text: string;
}

const control = (text: string): ShipMessage => ({ type: shipType.control, text });

/** Connection mode initialisation: two zero bytes from each side. */
export const cmi: ShipMessage = { type: shipType.init, text: '\0' };

export interface HelloParts {
  /** Milliseconds; `undefined` leaves the member out. Any number goes, also bad ones. */
  readonly waiting?: number | undefined;
  readonly prolongationRequest?: boolean;
}

/** `ready` and `pending` usually say `{ waiting: 60000 }`, which is the default; `{}` says nothing. */
export function hello(phase: 'pending' | 'ready' | 'aborted', parts?: HelloParts): ShipMessage {
  const { waiting, prolongationRequest } = parts ?? (phase === 'aborted' ? {} : { waiting: 60_000 });
  const members = [
    `{"phase":"${phase}"}`,
    ...(waiting === undefined ? [] : [`{"waiting":${waiting}}`]),
    ...(prolongationRequest === undefined ? [] : [`{"prolongationRequest":${prolongationRequest}}`]),
  ];
  return control(`{"connectionHello":[${members.join(',')}]}`);
}

/** Protocol handshake; SHIP knows version 1.0 and the formats JSON-UTF8 and JSON-UTF16. */
export function protocolHandshake(type: 'announceMax' | 'select', version = [1, 0], formats = ['JSON-UTF8']): ShipMessage {
  const [major, minor] = version;
  const list = formats.map((format) => `"${format}"`).join(',');
  return control(
    `{"messageProtocolHandshake":[{"handshakeType":"${type}"},` +
      `{"version":[{"major":${major}},{"minor":${minor}}]},{"formats":[{"format":[${list}]}]}]}`,
  );
}

/** 1 timeout, 2 unexpected message, 3 selection mismatch. */
export function protocolError(error: number): ShipMessage {
  return control(`{"messageProtocolHandshakeError":[{"error":${error}}]}`);
}

export function pinState(state: 'none' | 'required' | 'optional' | 'pinOk', inputPermission?: 'busy' | 'ok'): ShipMessage {
  const permission = inputPermission === undefined ? '' : `,{"inputPermission":"${inputPermission}"}`;
  return control(`{"connectionPinState":[{"pinState":"${state}"}${permission}]}`);
}

export const accessMethodsRequest: ShipMessage = control('{"accessMethodsRequest":[]}');

export function accessMethods(id: string): ShipMessage {
  return control(`{"accessMethods":[{"id":${JSON.stringify(id)}}]}`);
}

/** @param payload the payload's text as it goes on the wire, as `{"datagram":[{"a":1}]}` */
export function data(payload: string, protocolId = 'ee1.0'): ShipMessage {
  return { type: shipType.data, text: `{"data":[{"header":[{"protocolId":"${protocolId}"}]},{"payload":${payload}}]}` };
}

/** A data message whose payload, as its receiver sees it after the transformation, has exactly this many bytes; at least 24. */
export function dataOf(payloadBytes: number): ShipMessage {
  const fill = 'z'.repeat(payloadBytes - '{"datagram":{"fill":""}}'.length);
  return data(`{"datagram":[{"fill":"${fill}"}]}`);
}

/** `announce` says how long the sender waits, in milliseconds, and why; `confirm` says neither. */
export function connectionClose(phase: 'announce' | 'confirm', maxTime?: number, reason?: string): ShipMessage {
  const members = [
    `{"phase":"${phase}"}`,
    ...(maxTime === undefined ? [] : [`{"maxTime":${maxTime}}`]),
    ...(reason === undefined ? [] : [`{"reason":${JSON.stringify(reason)}}`]),
  ];
  return { type: shipType.end, text: `{"connectionClose":[${members.join(',')}]}` };
}

/** The bytes on the wire. */
export function bytesOf({ type, text }: ShipMessage): Buffer {
  return Buffer.concat([Uint8Array.of(type), Buffer.from(text)]);
}

/** The reverse; nothing is checked. */
export function messageOf(bytes: Uint8Array): ShipMessage {
  return { type: bytes[0] ?? -1, text: Buffer.from(bytes.subarray(1)).toString() };
}

/** The name of the message: the first member of the text, as `connectionHello`. CMI is called `cmi`, other nonsense `?`. */
export function nameOf({ type, text }: ShipMessage): string {
  if (type === shipType.init && text === '\0') return 'cmi';
  return /^\s*\{\s*"(\w+)"/.exec(text)?.[1] ?? '?';
}

/** A member's value as text, wherever in the message it stands first: `memberOf(hello, 'phase')` is `ready`. */
export function memberOf({ text }: ShipMessage, member: string): string | undefined {
  const found = new RegExp(`"${member}"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*"|[^\\s,}\\]]+)`).exec(text)?.[1];
  return found === undefined ? undefined : String(JSON.parse(found));
}
