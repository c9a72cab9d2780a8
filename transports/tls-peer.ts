import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { fingerprintOfKey, parseFingerprint, publicKeyOf, validToMsOf } from './identity/fingerprint.js';
import { expectedKeyIdentifier, expectedKeyIdentifierIn, keyIdentifierOf } from './identity/key-identifier.js';
import { SessionError } from '../machines/errors.js';
import type { Identity, WireCause } from '../machines/ports.js';

/** The options that `tls` and `wss` share: identity and trust. */
export interface TlsPeerOptions {
  /** Our private key and certificate, PEM; `makeIdentity` and `loadIdentity` return one. */
  readonly identity: { readonly key: string; readonly certificate: string };
  /**
   * Whose keys will do, on both sides of a dial: fingerprints, or a function that decides; anything but `true`, at once, is a
   * no, and so is an error. Default: any key. A wire then
   * still says whose it is, and `DialOptions.fingerprints` still holds.
   */
  readonly trust?: readonly string[] | ((fingerprint: string) => boolean);
  /** Whether a dialer must show a certificate. Default `required`. */
  readonly clientCertificate?: 'required' | 'optional';
  /**
   * Whether a certificate needs a Subject Key Identifier, as SHIP's do: `verified` wants that of its key (RFC 5280, method 1),
   * `stated` takes what it says, for devices with certificates of ship-go 0.5.1 and before. Default `ignored`.
   */
  readonly keyIdentifier?: 'ignored' | 'verified' | 'stated';
}

/** Decides about a peer's key; the cause says why it won't do. */
export type TlsResult = (peer: Identity | undefined) => WireCause | undefined;

/**
 * TLS 1.2 and 1.3 with our key. Chains and names are not verified, since certificates are self-signed: the key is, by a
 * `Verdict`, before the wire is offered. Nothing may bypass this check: no tickets, no renegotiation.
 */
export function secureOptions({ identity }: TlsPeerOptions): SecureContextOptions & { rejectUnauthorized: false } {
  return {
    key: identity.key,
    cert: identity.certificate,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    rejectUnauthorized: false,
  };
}

export interface SecureDialOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: false;
}

/** The same for a dialer, parsed once for all its wires. @throws SessionError `bad-option` for a key TLS can't use */
export function secureDialOptions(options: TlsPeerOptions): SecureDialOptions {
  try {
    return { secureContext: createSecureContext(secureOptions(options)), rejectUnauthorized: false };
  } catch (cause) {
    throw new SessionError('bad-option', `identity: TLS can't use this key and certificate (${(cause as Error).message})`, {
      cause,
    });
  }
}

/** The peer's proven identity: TLS has checked that it holds the key of the certificate it showed. */
export function provenIdentity(socket: TLSSocket, keyIdentifier: TlsPeerOptions['keyIdentifier']): Identity | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const key = publicKeyOf(certificate); // Costs more than all that follows: taken out once.
  const fingerprint = fingerprintOfKey(key);
  ends.set(socket, validToMsOf(certificate));
  if (keyIdentifier === undefined || keyIdentifier === 'ignored') return { fingerprint };
  const ski = keyIdentifierOf(certificate.raw);
  const isRight = ski?.length === 40 && (keyIdentifier === 'stated' || ski === expectedKeyIdentifier(key));
  if (isRight) return { fingerprint, ski };
  faults.set(socket, faultOf(ski, expectedKeyIdentifier(key)));
  return { fingerprint };
}

function faultOf(stated: string | undefined, right: string | undefined): string {
  if (stated?.length !== 40) return 'the certificate states no Subject Key Identifier of 20 bytes';
  return `the certificate states the SKI ${stated}, but that of its key is ${right}`;
}

/** The fault of our Subject Key Identifier, as peers that check it see it; undefined where it is right. */
export function ownKeyIdentifierFault({ certificate }: TlsPeerOptions['identity']): string | undefined {
  const { raw } = new X509Certificate(certificate);
  const [stated, right] = [keyIdentifierOf(raw), expectedKeyIdentifierIn(raw)];
  return stated?.length === 40 && stated === right ? undefined : faultOf(stated, right);
}

const faults = new WeakMap<TLSSocket, string>();
const ends = new WeakMap<TLSSocket, number>();

/** When the peer's certificate ends, milliseconds since 1970, once `provenIdentity` has looked at it; Node shows it to a dialer only once. */
export function takeValidTo(socket: TLSSocket): number | undefined {
  const validToMs = ends.get(socket);
  ends.delete(socket);
  return validToMs;
}

/** The fault of the Subject Key Identifier in the peer's certificate, in words, after `provenIdentity` has checked it. */
export function keyIdentifierFault(socket: TLSSocket): string {
  return faults.get(socket) ?? faultOf(undefined, undefined);
}

/** For the side that dials. @throws SessionError `bad-option` for a fingerprint that is none */
export function checkListener(options: TlsPeerOptions, expected: readonly string[] | undefined): TlsResult {
  const { trust } = options;
  const isTrusted = trustOf(trust);
  const wanted = expected && new Set(expected.map(parseFingerprint));
  return (peer) => {
    if (peer && lacksKeyIdentifier(options, peer)) return WITHOUT_KEY_IDENTIFIER;
    if (peer === undefined) return WITHOUT_CERTIFICATE;
    if (wanted?.has(peer.fingerprint) === false) return mismatch(peer, ` instead of ${[...wanted].join(' or ')}`);
    const answer = isTrusted(peer.fingerprint);
    return answer === true ? undefined : mismatch(peer, answer);
  };
}

/** For the side that listens. @throws SessionError `bad-option` for a fingerprint that is none */
export function checkDialer(options: TlsPeerOptions): TlsResult {
  const { trust, clientCertificate = 'required' } = options;
  const isTrusted = trustOf(trust);
  return (peer) => {
    if (peer && lacksKeyIdentifier(options, peer)) return WITHOUT_KEY_IDENTIFIER;
    if (peer === undefined) return clientCertificate === 'optional' ? undefined : WITHOUT_CERTIFICATE;
    const answer = isTrusted(peer.fingerprint);
    return answer === true ? undefined : mismatch(peer, answer);
  };
}

function lacksKeyIdentifier({ keyIdentifier = 'ignored' }: TlsPeerOptions, peer: Identity): boolean {
  return keyIdentifier !== 'ignored' && peer.ski === undefined;
}

export const WITHOUT_KEY_IDENTIFIER: WireCause = {
  kind: 'identity-mismatch',
  reason: "the peer's certificate has no Subject Key Identifier, or not that of its key",
};

const WITHOUT_CERTIFICATE = {
  kind: 'identity-mismatch',
  reason: 'the peer showed no certificate; it needs one of its own, whose key is its identity',
} as const satisfies WireCause;

function mismatch(peer: Identity, suffix: string): WireCause {
  return { kind: 'identity-mismatch', reason: `the peer has the key ${peer.fingerprint}${suffix}` };
}

/** True where the key will do; else the words that follow it. */
function trustOf(trust: TlsPeerOptions['trust']): (fingerprint: string) => true | string {
  if (trust === undefined) return () => true;
  if (typeof trust === 'function') return (fingerprint) => answerOf(trust, fingerprint);
  const trusted = new Set(trust.map(parseFingerprint));
  return (fingerprint) => trusted.has(fingerprint) || NOT_TRUSTED;
}

/** An application's function may fail, or promise where an answer is needed: only `true`, at once, lets a key in. */
function answerOf(trust: (fingerprint: string) => unknown, fingerprint: string): true | string {
  try {
    const answer = trust(fingerprint);
    if (typeof answer === 'boolean') return answer || NOT_TRUSTED;
    if (answer instanceof Promise) answer.catch(() => {});
    return `, and trust() answered ${answer instanceof Promise ? 'with a promise' : typeof answer} instead of true or false`;
  } catch (error) {
    return `, and trust() failed: ${error instanceof Error ? error.message : 'it threw what is no error'}`;
  }
}

const NOT_TRUSTED = ', which is not trusted';
