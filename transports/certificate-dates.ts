import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { fingerprintOf, validToMsOf } from './identity/fingerprint.js';
import type { CertificateDates, Identity } from '../machines/ports.js';
import { takeValidTo, type TlsPeerOptions } from './tls-peer.js';

type OnCertificate = ((certificate: CertificateDates) => void) | undefined;

/** When our own certificate ends; read once for all wires. */
export function ownDates({ certificate }: TlsPeerOptions['identity']): CertificateDates {
  const own = new X509Certificate(certificate);
  return { whose: 'own', fingerprint: fingerprintOf(own), validToMs: validToMsOf(own) };
}

/** Says when the certificates end that were shown on this socket. The peer is one whose key will do. */
export function reportDates(
  socket: TLSSocket,
  identity: Identity | undefined,
  own: CertificateDates,
  onCertificate: OnCertificate,
): void {
  const validToMs = takeValidTo(socket);
  onCertificate?.(own);
  if (identity === undefined || validToMs === undefined) return;
  onCertificate?.({ whose: 'peer', fingerprint: identity.fingerprint, validToMs });
}
