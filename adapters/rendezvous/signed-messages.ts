import type {
  ConnectRequest,
  ConnectResponse,
  Hello,
  SignedMessages,
  Signed,
  SigningContext,
  ContactInfo,
} from '../../machines/rendezvous/rendezvous.messages.js';
import { toHex } from '../bytes.js';
import {
  framed,
  HELLO_BYTES_MAX,
  SIGNED_MESSAGE_BYTES_MAX,
  readChallenge,
  readClientHello,
  VERSION,
  writeChallenge,
  writeClientHello,
} from './codec.js';
import { FieldReader, FieldWriter } from './fields.js';
import type { Signing } from './signing.js';

/**
 * Letters and Hellos with their signatures. The signed bytes are a name of their purpose, so that no signature is valid for another one,
 * and the encoded message: version first, each value in one spelling, nothing unknown. The layout is
 * `spec/rules/rendezvous.md`.
 * @rule RDV-8
 */
export function signedMessages(signing: Signing): SignedMessages {
  const seal = (domain: Uint8Array, body: Uint8Array): Uint8Array => joined(body, signing.sign(joined(domain, body)));
  const isSealed = (domain: Uint8Array, from: string, bytes: Uint8Array): boolean => {
    const body = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
    return signing.verify(from, joined(domain, body), bytes.subarray(body.length));
  };
  return {
    id: signing.id,
    version: VERSION,
    writeRequest(contactInfo) {
      const message: ConnectRequest = { kind: 'request', ...contactInfo };
      return { message, bytes: seal(DOMAINS.request, putContactInfo(new FieldWriter().byte(VERSION), REQUEST, message).done()) };
    },
    writeResponse(contactInfo, request) {
      const message: ConnectResponse = { kind: 'response', ...contactInfo, request };
      const w = putContactInfo(new FieldWriter().byte(VERSION), RESPONSE, message);
      w.byte(request.bytes.length >>> 8)
        .byte(request.bytes.length & 255)
        .raw(request.bytes);
      return { message, bytes: seal(DOMAINS.response, w.done()) };
    },
    read,
    isGenuine: ({ message, bytes }) => isSealed(DOMAINS[message.kind], message.from, bytes),
    writeClientHello,
    readClientHello,
    writeChallenge: (challenge) => writeChallenge(signing.id, challenge),
    readChallenge,
    writeHello(hello, context) {
      const body = putHello(hello, context);
      return framed('hello', joined(body, signing.sign(joined(helloDomain(context), body))));
    },
    readHello(bytes, at, end, context) {
      const body = bytes.subarray(at + FRAME_HEAD, end);
      if (body.length > HELLO_BYTES_MAX) return 'malformed';
      const read = takeHello(body);
      if (read === undefined) return 'malformed';
      if (read.echo !== toHex(context.speaker === 'dialer' ? context.acceptorChallenge : context.dialerChallenge))
        return 'replayed';
      return isSealed(helloDomain(context), read.hello.from, body) ? read.hello : 'forged';
    },
  };
}

const FRAME_HEAD = 5;
const SIGNATURE_BYTES = 64;
const REQUEST = 1;
const RESPONSE = 2;
const ADDRESSES_MAX = 4;
const TRANSPORT = /^[a-z][a-z0-9+.-]{0,15}$/;
const encoder = new TextEncoder();
const DOMAINS = {
  request: encoder.encode('holdfast.rendezvous.v1.request\0'),
  response: encoder.encode('holdfast.rendezvous.v1.response\0'),
  hello: encoder.encode('holdfast.rendezvous.v1.hello\0'),
};

/** A Hello is signed over who speaks, and over what both sides have made up for this one wire. */
function helloDomain({ speaker, dialerChallenge, acceptorChallenge }: SigningContext): Uint8Array {
  const who = Uint8Array.of(speaker === 'dialer' ? 0 : 1);
  return joined(joined(DOMAINS.hello, who), joined(dialerChallenge, acceptorChallenge));
}

// Letters: version, kind, from, to, nonce, transport, addresses, flags, certificate, and in a response the request.

function putContactInfo(w: FieldWriter, kind: number, contact: ContactInfo): FieldWriter {
  w.byte(kind).hex(contact.from).hex(contact.to).hex(contact.nonce).text(contact.transport).byte(contact.addresses.length);
  for (const address of contact.addresses) w.text(address);
  return w.byte(contact.isClient ? 1 : 0).hexOr0(contact.certificate, 32);
}

function takeContactInfo(r: FieldReader): ContactInfo {
  const from = r.hex(32);
  const to = r.hex(32);
  const nonce = r.hexOr0(16);
  const transport = r.text(16);
  const addresses = Array.from({ length: r.byte(ADDRESSES_MAX) }, () => r.text());
  const isClient = r.byte(1) === 1;
  const certificate = r.hexOr0(32);
  if (nonce === undefined || !TRANSPORT.test(transport) || !addresses.every((each) => isOf(transport, each))) r.markCorrupt();
  if (new Set(addresses).size < addresses.length || (isClient && addresses.length > 0)) r.markCorrupt();
  return { from, to, nonce: nonce ?? '', transport, addresses, isClient, certificate };
}

function read(bytes: Uint8Array): Signed | undefined {
  if (bytes.length > SIGNED_MESSAGE_BYTES_MAX || bytes[0] !== VERSION) return undefined;
  return bytes[1] === REQUEST ? readRequest(bytes) : bytes[1] === RESPONSE ? readResponse(bytes) : undefined;
}

function readRequest(bytes: Uint8Array): Signed<ConnectRequest> | undefined {
  const r = new FieldReader(bytes);
  if (r.byte() !== VERSION || r.byte() !== REQUEST) return undefined;
  const contactInfo = takeContactInfo(r);
  r.raw(SIGNATURE_BYTES);
  return r.isGood ? { message: { kind: 'request', ...contactInfo }, bytes: new Uint8Array(bytes) } : undefined;
}

function readResponse(bytes: Uint8Array): Signed<ConnectResponse> | undefined {
  const r = new FieldReader(bytes, 2);
  const contactInfo = takeContactInfo(r);
  const request = readRequest(r.raw(r.byte() * 256 + r.byte()));
  r.raw(SIGNATURE_BYTES);
  if (!r.isGood || request === undefined) return undefined;
  return { message: { kind: 'response', ...contactInfo, request }, bytes: new Uint8Array(bytes) };
}

// Hellos: version, from, to, nonce, what they answer, transport, address, flags, certificate.

function putHello(hello: Hello, context: SigningContext): Uint8Array {
  const echo = context.speaker === 'dialer' ? context.acceptorChallenge : context.dialerChallenge;
  const w = new FieldWriter().byte(VERSION).hex(hello.from).hexOr0(hello.to, 32).hexOr0(hello.nonce, 16).raw(echo);
  w.text(hello.transport).text(hello.address);
  return w.byte((hello.confirmedYou ? 1 : 0) + (hello.isClient ? 2 : 0)).hexOr0(hello.certificate, 32).done(); // prettier-ignore
}

function takeHello(bytes: Uint8Array): { hello: Hello; echo: string } | undefined {
  const r = new FieldReader(bytes);
  if (r.byte() !== VERSION) return undefined;
  const from = r.hex(32);
  const to = r.hexOr0(32);
  const nonce = r.hexOr0(16);
  const echo = r.hex(32);
  const transport = r.text(16);
  const address = r.text();
  const flags = r.byte(3);
  const certificate = r.hexOr0(32);
  r.raw(SIGNATURE_BYTES);
  const isClient = (flags & 2) !== 0;
  if (!r.isGood || !TRANSPORT.test(transport)) return undefined;
  if (address !== '' && (isClient || !isOf(transport, address))) return undefined;
  const hello = { from, to, nonce, transport, address, isClient, certificate, confirmedYou: (flags & 1) !== 0 };
  return { hello, echo };
}

function isOf(transport: string, address: string): boolean {
  return address.startsWith(`${transport}://`) && address.length > transport.length + 3;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
