/**
 * The ten API states of a connection, the same for every protocol: what an application sees. Names and numbers are those of the SHIP connection lifecycle.
 * The numbers are stable and public.
 */
export const API_STATES = {
  none: 0, // No connection and none wanted.
  queued: 1, // Wanted; waiting for a slot, for an address, or for its backoff.
  initiated: 2, // This side is dialing.
  receivedPairingRequest: 3, // An untrusted peer has dialed; a person or a policy decides.
  inProgress: 4, // The handshake runs.
  trusted: 5, // The peer's identity is trusted, the handshake is not done.
  pin: 6, // PIN exchange; skipped by every protocol today.
  completed: 7, // Data flows, or will flow again without the application noticing.
  remoteDeniedTrust: 8, // The peer said no; never redialed by itself.
  error: 9, // Failed or lost; carries the closing.
} as const;

/** The name of one of the ten states; `API_STATES` has their numbers, stable and public. */
export type ApiState = keyof typeof API_STATES;
