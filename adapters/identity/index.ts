/** Identities, fingerprints and the file of those who are trusted. For Node; browsers have no keys of their own to show. */
export { makeIdentity, readIdentity, type IdentityOptions, type OwnIdentity } from './certificate.js';
export { fingerprintOf, parseFingerprint, publicKeyOf } from '../../transports/identity/fingerprint.js';
export { expectedKeyIdentifier, expectedKeyIdentifierIn, keyIdentifierOf } from '../../transports/identity/key-identifier.js';
export { loadIdentity, saveIdentity } from './store.js';
export { TrustFile, type TrustFileOptions } from './trust-file.js';
