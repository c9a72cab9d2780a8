import { checkCurve } from './identity/curve.js';
import { SessionError } from '../machines/errors.js';
import type { Transport } from '../machines/ports.js';
import { checked, SHIP_RULES } from './checked.js';
import { websocket } from './websocket.js';

/** This node's identity for SHIP peers, and how strictly theirs are checked. */
export interface ShipTransportOptions {
  /** Our private key and certificate, PEM; its Subject Key Identifier identifies this node. */
  readonly identity: { readonly key: string; readonly certificate: string };
  /**
   * Whether a peer's Subject Key Identifier must be that of its key. Default `verified`; `stated` believes it, for devices with
   * certificates of ship-go 0.5.1 and before: a forged one is then accepted as that device.
   */
  readonly keyIdentifier?: 'verified' | 'stated';
  /** A message above this ends the connection. Default 100 KiB (ship-go 2025). */
  readonly messageBytesMax?: number;
  /** From a dial to an upgraded connection. Default 5 s (ship-go). */
  readonly connectTimeoutMs?: number;
}

/** The transport of a SHIP node, which knows what the node shows to its peers. */
export interface ShipTransport extends Transport {
  /** Our certificate, PEM: a `Hub` looks at its dates and its Subject Key Identifier when it starts. */
  readonly certificate: string;
}

/**
 * WebSockets over mutual TLS as SHIP wants them: `wss://host:port/ship/`, subprotocol `ship`, any path accepted, one message
 * each, and a proven Subject Key Identifier before a message is exchanged.
 *
 * @throws SessionError `bad-option` for a key or certificate that TLS can't use, brainpool curves among them
 * @rule SHIP-1
 */
export function shipTransport(options: ShipTransportOptions): ShipTransport {
  const { identity, keyIdentifier, messageBytesMax, connectTimeoutMs } = checked('shipTransport', SHIP_RULES, options);
  if (identity === undefined) throw new SessionError('bad-option', 'shipTransport.identity: expected an identity, got nothing');
  checkCurve(identity.key);
  const transport = websocket({
    identity,
    protocols: ['ship'],
    keyIdentifier: keyIdentifier ?? 'verified',
    messageBytesMax: messageBytesMax ?? 100 << 10,
    connectTimeoutMs: connectTimeoutMs ?? 5000,
    pack: false,
    anyPath: true,
    hosts: ['*'], // Devices call each other by address, by mDNS name, or by nothing. Pages of the web stay out by their origin.
  });
  return { ...transport, certificate: identity.certificate };
}
