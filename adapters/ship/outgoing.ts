import { toEebusJson, type EebusLimits } from './eebus-json.js';
import type { OutgoingShipMessage } from '../../machines/ship/ship.messages.js';

export interface Outgoing {
  readonly type: number;
  readonly text: string;
}

const CONTROL = 1;
const DATA = 2;
const END = 3;

/** A message as its type byte and its text, members in the order in which ship-go writes them. */
export function outgoing(message: Exclude<OutgoingShipMessage, { readonly kind: 'init' }>, limits: EebusLimits): Outgoing {
  switch (message.kind) {
    case 'hello': {
      const { phase, waitingMs, prolongationRequest } = message;
      return control('connectionHello', { phase, waiting: whole(waitingMs), prolongationRequest }, limits);
    }
    case 'protocol': {
      const { handshakeType, version, formats } = message;
      const { major, minor } = version;
      return control(
        'messageProtocolHandshake',
        { handshakeType, version: { major, minor }, formats: { format: formats } },
        limits,
      );
    }
    case 'protocol-error':
      return control('messageProtocolHandshakeError', { error: message.error }, limits);
    case 'pin':
      return control('connectionPinState', { pinState: message.pinState, inputPermission: message.inputPermission }, limits);
    case 'pin-input':
      return control('connectionPinInput', { pin: message.pin }, limits);
    case 'pin-error':
      return control('connectionPinError', { error: message.error }, limits);
    case 'access-request':
      return control('accessMethodsRequest', {}, limits);
    case 'access': {
      const { id, dnsSdMdns, dnsUri } = message;
      const dns = dnsUri === undefined ? undefined : { uri: dnsUri };
      return control('accessMethods', { id, dnsSd_mDns: dnsSdMdns ? {} : undefined, dns }, limits);
    }
    case 'close': {
      const { phase, maxTimeMs, reason } = message;
      return { ...control('connectionClose', { phase, maxTime: whole(maxTimeMs), reason }, limits), type: END };
    }
    case 'data': {
      const { protocolId = 'ee1.0', payload, extension } = message;
      // The payload is an EEBUS message of its own: an object, where its place would ask for a list of one.
      const parts = [`{"header":[{"protocolId":${JSON.stringify(protocolId)}}]}`, `{"payload":${toEebusJson(payload, limits)}}`];
      if (extension) {
        const { extensionId, binary, string } = extension;
        parts.push(toEebusJson({ extension: { extensionId, binary, string } }, limits));
      }
      return { type: DATA, text: `{"data":[${parts.join(',')}]}` };
    }
  }
}

/**
 * ship-go of 2024 takes any message whose bytes hold the word `datagram` for SPINE's, whatever its type: a SHIP id with that
 * word in it would never arrive. Escaped it is the same text, but not the same bytes.
 */
function control(name: string, body: object, limits: EebusLimits): Outgoing {
  return { type: CONTROL, text: toEebusJson({ [name]: body }, limits).replaceAll('datagram', '\\u0064atagram') };
}

/** Clocks have fractions, the wire has none: ship-go can't read a message with one. */
function whole(durationMs: number | undefined): number | undefined {
  return durationMs === undefined ? undefined : Math.max(0, Math.round(durationMs));
}
