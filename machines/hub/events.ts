import type { Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { Connection } from '../connection/connection-handle.js';
import type { WireCause } from '../ports.js';
import type { CertificateExpiry } from './certificate-expiry.js';

/** The events of an engine, in order. `id` names a connection, `peer` its other end. */
export type EngineEvent =
  | { readonly type: 'listening'; readonly address: string }
  | { readonly type: 'listen-failed'; readonly address: string; readonly cause: WireCause }
  | { readonly type: 'state'; readonly id: string; readonly peer: string; readonly state: ApiState }
  | { readonly type: 'connected'; readonly connection: Connection<unknown> }
  /** One side has begun to close: later writes are not delivered. `disconnected` follows. */
  | { readonly type: 'closeStarted'; readonly connection: Connection<unknown> }
  | {
      /**
       * The former name of `closeStarted`, which it follows.
       * @deprecated Since 0.1.0.
       */
      readonly type: 'parting';
      readonly connection: Connection<unknown>;
    }
  | { readonly type: 'disconnected'; readonly connection: Connection<unknown>; readonly closing: Closing }
  /** Its messages are delivered from here on; `connected` follows once the peer is known for good (SHIP). */
  | { readonly type: 'readable'; readonly connection: Connection<unknown> }
  /** The last wire of a completed session is gone; its window has begun. */
  | { readonly type: 'lost'; readonly id: string; readonly peer: string }
  | { readonly type: 'resumed'; readonly id: string; readonly peer: string; readonly afterMs: number }
  | { readonly type: 'closing'; readonly id: string; readonly peer: string; readonly closing: Closing }
  | { readonly type: 'pairingRequested'; readonly id: string; readonly peer: string }
  /** An incoming connection was refused. */
  | { readonly type: 'refused'; readonly remoteAddress: string; readonly code: string; readonly reason?: string }
  /** A registered peer can't be dialed, since as many connections as may be are there. It is when one of them has ended. */
  | { readonly type: 'limitReached'; readonly id: string; readonly peer: string; readonly max: number }
  /** Our own certificate or a peer's has expired, or will within 30 days; once for each. The connection comes about all the same. */
  | ({ readonly type: 'certificateExpiring' } & CertificateExpiry)
  | { readonly type: 'limitNear'; readonly connections: number; readonly max: number };
