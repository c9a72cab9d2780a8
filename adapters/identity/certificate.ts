import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { fingerprintOf } from '../../transports/identity/fingerprint.js';
import { keyIdentifierOf } from '../../transports/identity/key-identifier.js';
import { SessionError } from '../../machines/errors.js';
import { checkOptions, members, numeric, optional, text } from '../options.js';

/** An identity: a private key, and a certificate with its public half. */
export interface OwnIdentity {
  /** Private key, PEM (PKCS 8). */
  readonly key: string;
  /** Certificate, PEM; self-signed unless another tool issued it. */
  readonly certificate: string;
  /** The identity that peers verify: SHA-256 of the public key, 64 hex digits. */
  readonly fingerprint: string;
  /** Subject Key Identifier, 40 hex digits: the identity for SHIP peers. Undefined where the certificate has none. */
  readonly ski: string | undefined;
}

/** Options of a new identity. */
export interface IdentityOptions {
  /** A readable name; peers don't compare it. Default `holdfast`. */
  readonly commonName?: string;
  /** Default 3650. Peers look at the key, not at the date; other TLS software may look. */
  readonly validDays?: number;
}

/** The certificate's date has four digits for the year. */
const VALID_DAYS_MAX = 365_000;
export const validity = numeric(`a number of days from 0 to ${VALID_DAYS_MAX}`, (days) => days >= 0 && days <= VALID_DAYS_MAX);
const OPTIONS = members({ commonName: optional(text), validDays: optional(validity) });

const DAY_MS = 86_400_000;

/** Makes a key (ECDSA P-256) and a self-signed certificate whose Subject Key Identifier is the right one for the key. */
export async function makeIdentity(options: IdentityOptions = {}): Promise<OwnIdentity> {
  checkOptions('makeIdentity', OPTIONS, options);
  const { commonName = 'holdfast', validDays } = options;
  return makeSelfSigned({
    name: [{ CN: [{ utf8String: commonName }] }],
    validDays,
    extensions: ({ BasicConstraintsExtension }) => [new BasicConstraintsExtension(false)],
  });
}

/**
 * The part of `@peculiar/x509` that makes extensions. It is declared here because that package is optional and these declarations must
 * compile without it.
 */
export interface ExtensionKit {
  readonly BasicConstraintsExtension: new (ca: boolean, pathLength?: number, critical?: boolean) => object;
  readonly KeyUsagesExtension: new (usages: number, critical?: boolean) => object;
  readonly KeyUsageFlags: { readonly digitalSignature: number };
}

/** One attribute of a name (`CN`, `O`, …) and its values, each as the kind of text it is written as. */
export type NamePart = Readonly<Record<string, { readonly utf8String: string }[] | { readonly printableString: string }[]>>;

/** The contents of a certificate besides its key and its Subject Key Identifier, which is always its last extension. */
export interface SelfSigned {
  /** As structure, not as text: a name may contain what has a meaning in LDAP syntax. */
  readonly name: readonly NamePart[];
  /** Default 3650. */
  readonly validDays?: number | undefined;
  /** Hex digits. Default: random. */
  readonly serialNumber?: string;
  readonly extensions: (kit: ExtensionKit) => readonly object[];
}

/** Makes a key (ECDSA P-256) and a certificate for it, signed by itself with SHA-256. */
export async function makeSelfSigned({ name, validDays = 3650, serialNumber, extensions }: SelfSigned): Promise<OwnIdentity> {
  const library = await x509();
  const { Extension, SubjectKeyIdentifierExtension, Name, X509CertificateGenerator } = library;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    name: new Name(name.map((part) => ({ ...part }))),
    ...(serialNumber === undefined ? {} : { serialNumber }),
    notBefore: new Date(Date.now() - DAY_MS), // Peers' clocks may be slow.
    notAfter: new Date(Date.now() + validDays * DAY_MS),
    signingAlgorithm: algorithm,
    extensions: [
      ...extensions(library).filter((each) => each instanceof Extension),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
  return readIdentity(pem, `${certificate.toString('pem')}\n`);
}

/**
 * Puts key and certificate (PEM) together.
 *
 * @throws SessionError `bad-option` where one can't be read, or they don't belong together
 */
export function readIdentity(key: string, certificate: string): OwnIdentity {
  const parsed = readOr('certificate', () => new X509Certificate(certificate));
  const secret = readOr('private key', () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(secret)) {
    throw new SessionError('bad-option', 'the private key does not belong to the certificate');
  }
  return { key, certificate, fingerprint: fingerprintOf(parsed), ski: keyIdentifierOf(parsed.raw) };
}

function readOr<Thing>(what: string, read: () => Thing): Thing {
  try {
    return read();
  } catch (cause) {
    throw new SessionError('bad-option', `the ${what} can't be read: expected PEM`, { cause });
  }
}

/** Loaded by those who make certificates alone: it takes a tenth of a second, and the packages are optional. */
async function x509() {
  try {
    await import('reflect-metadata'); // @peculiar/x509 asks for this polyfill.
    return await import('@peculiar/x509');
  } catch (cause) {
    throw new SessionError('bad-option', 'making a certificate needs the packages @peculiar/x509 and reflect-metadata', {
      cause,
    });
  }
}
