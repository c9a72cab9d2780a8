import type { ShipMessage } from '../../machines/ship/ship.messages.js';

/** Sees every message of a connection in words, by the peer's SKI. */
export type ShipTrace = (ski: string, direction: 'said' | 'heard', message: ShipMessage) => void;
