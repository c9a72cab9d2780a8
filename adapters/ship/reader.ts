import type { Closing } from '../../machines/closing.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import type { CertificateWarning } from './own-certificate.js';
import type { RemoteService } from './discovery.js';

/**
 * The callbacks of a hub, called in order. All are optional. An error that a callback throws, or rejects with if it is `async`, is
 * reported as a warning (`process.on('warning')`; see `HubOptions.report`) and ends neither a connection nor the process.
 */
export interface HubReader {
  /** One of `API_STATES`, each change once. */
  serviceConnectionStateChanged?(ski: string, state: number): void;
  /** The handshake is done; exactly one `remoteSKIDisconnected` follows. */
  remoteSKIConnected?(ski: string): void;
  remoteSKIDisconnected?(ski: string, closing: Closing): void;
  /** Comes before `remoteSKIConnected`: the peer's messages go to what this returns, in order, from the end of the PIN phase on. */
  setupRemoteDevice?(ski: string, connection: Connection<ShipPayload>): ((message: ShipPayload) => void) | undefined;
  visibleRemoteServicesUpdated?(services: readonly RemoteService[]): void;
  /** The peer has said its SHIP id for the first time; it is remembered, and checked from then on. */
  serviceShipIDUpdate?(ski: string, shipId: string): void;
  /** Whether a person may still decide about this peer, for example on an open pairing page. Default: false. */
  allowWaitingForTrust?(ski: string): boolean;
  /** A peer is connected, and could not be remembered: the store is full. */
  trustNotKept?(ski: string, error: Error): void;
  /**
   * A paired peer is not dialed any more: its user denied trust. `advice` says what helps. It stays paired, and comes in when it dials.
   */
  dialingStopped?(ski: string, closing: Closing, advice: string): void;
  /** A registered peer waits for a place: there are as many connections as may be. It is dialed when one of them has ended. */
  connectionLimitReached?(ski: string, max: number): void;
  /**
   * Something about this node's own certificate keeps peers away, now or soon: told at the start, and once a day as long as it is so.
   */
  certificateWarning?(warning: CertificateWarning): void;
  /** A connection from this address was refused; the reason is there where it adds to the code. */
  connectionRefused?(remoteAddress: string, code: string, reason?: string): void;
  /** A registration or a SHIP id could not be written. It is in force, and written again with the next change. */
  trustWriteFailed?(error: Error): void;
  /** There are 80 % of the connections that may be. */
  connectionLimitNear?(connections: number, max: number): void;
}
