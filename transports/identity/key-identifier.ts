import { createHash } from 'node:crypto';

/**
 * Reads the Subject Key Identifier, which Node does not show, from a certificate's DER: extension 2.5.29.14
 * (RFC 5280, 4.2.1.2).
 *
 * @returns 40 lower-case hex digits for the usual 20 bytes; undefined where the certificate has none, or is damaged
 */
export function keyIdentifierOf(certificate: Uint8Array): string | undefined {
  const explicit = fieldsOf(certificate).find((each) => each.tag === EXTENSIONS)?.content;
  const extensions = explicit && inside(explicit, SEQUENCE);
  for (const extension of extensions ? children(extensions) : []) {
    const parts = children(extension.content); // An identifier, perhaps `critical`, and the value.
    if (parts[0]?.tag !== OBJECT_IDENTIFIER || hex(parts[0].content) !== SUBJECT_KEY_IDENTIFIER) continue;
    const value = parts.at(-1);
    const identifier = value?.tag === OCTET_STRING ? inside(value.content, OCTET_STRING) : undefined;
    return identifier === undefined || identifier.length === 0 ? undefined : hex(identifier);
  }
  return undefined;
}

/** The correct Subject Key Identifier of a key: SHA-1 of its bits (RFC 5280, 4.2.1.2, method 1), 40 hex digits. */
export function expectedKeyIdentifier(publicKey: Uint8Array): string | undefined {
  return identifierOfKey(inside(publicKey, SEQUENCE));
}

/** The same for the key in a certificate; read like `keyIdentifierOf`, whatever else the certificate says or lacks. */
export function expectedKeyIdentifierIn(certificate: Uint8Array): string | undefined {
  return identifierOfKey(fieldsOf(certificate).filter((each) => each.tag === SEQUENCE)[KEY_AMONG_SEQUENCES]?.content);
}

/** A certificate's own fields (TBSCertificate), none where it is damaged. */
function fieldsOf(certificate: Uint8Array): readonly Element[] {
  const body = inside(certificate, SEQUENCE);
  const tbs = body && inside(body, SEQUENCE);
  return tbs ? children(tbs) : [];
}

/** @param info what SubjectPublicKeyInfo holds: an algorithm and the bits of the key */
function identifierOfKey(info: Uint8Array | undefined): string | undefined {
  const parts = children(info ?? new Uint8Array());
  const bits = parts[1]?.tag === BIT_STRING ? parts[1].content.subarray(1) : undefined; // Without the count of unused bits.
  return bits && createHash('sha1').update(bits).digest('hex');
}

/** Signature, issuer, validity and subject come before it. */
const KEY_AMONG_SEQUENCES = 4;

const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;
const EXTENSIONS = 0xa3;
const SUBJECT_KEY_IDENTIFIER = '551d0e';

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The content of the first element, if it has this tag. */
function inside(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const [first] = children(bytes);
  return first?.tag === tag ? first.content : undefined;
}

/** The elements that lie side by side. It stops at the first one that is cut off or has a length of more than 4 bytes. */
function children(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count === 0 || count > 4 || at + count > bytes.length) break;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!;
    }
    if (at + length > bytes.length) break;
    elements.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
