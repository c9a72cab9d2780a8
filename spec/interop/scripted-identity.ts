import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { BasicConstraintsExtension, Extension, SubjectKeyIdentifierExtension, X509CertificateGenerator } from '@peculiar/x509';
import { makeIdentity, readIdentity, type OwnIdentity } from '../../adapters/identity/index.js';

/** What is wrong with a certificate. */
export interface Forgery {
  /** Hex digits to show instead of the right SKI; `none` for no SKI at all. */
  readonly ski?: string;
  /** Ended yesterday. */
  readonly expired?: boolean;
  /** Encode the CA flag as 0x01 instead of 0xFF, as Elli's devices do in the field. */
  readonly sloppyBoolean?: boolean;
}

const DAY_MS = 86_400_000;

/** The certificate of an honest peer. */
export const honestIdentity = (commonName = 'scripted'): Promise<OwnIdentity> => makeIdentity({ commonName });

/** An honest identity whose SKI is above or below another: the rule for double connections asks which. */
export async function identityBeside(ski: string, side: 'above' | 'below'): Promise<OwnIdentity> {
  for (let tries = 0; tries < 1000; tries++) {
    const made = await honestIdentity();
    if (made.ski! > ski === (side === 'above')) return made;
  }
  throw new Error(`no SKI ${side} ${ski} came up in 1000 tries`);
}

/** A self-signed certificate that lies, or is spoilt. The key is good: its holder can prove that he has it. */
export async function forgedIdentity({ ski, expired = false, sloppyBoolean = false }: Forgery): Promise<OwnIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const identifier =
    ski === undefined || ski === 'none'
      ? await SubjectKeyIdentifierExtension.create(keys.publicKey)
      : new SubjectKeyIdentifierExtension(ski);
  const constraints = sloppyBoolean
    ? new Extension('2.5.29.19', true, Uint8Array.of(0x30, 0x03, 0x01, 0x01, 0x01))
    : new BasicConstraintsExtension(true, undefined, true);
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    name: 'CN=forged',
    notBefore: new Date(now - 10 * DAY_MS),
    notAfter: new Date(expired ? now - DAY_MS : now + DAY_MS),
    signingAlgorithm: algorithm,
    extensions: ski === 'none' ? [constraints] : [constraints, identifier],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return readIdentity(`-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`, certificate.toString('pem'));
}
