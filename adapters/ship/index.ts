export { makeShipCodec, type ShipCodecOptions } from './codec.js';
export { ship, type ShipOptions } from './protocol.js';
export { shipTransport, type ShipTransportOptions } from './transport.js';
export { SHIP_LIMITS, SHIP_TIMING, type ShipLimits, type ShipTiming } from '../../machines/ship/ship.timing.js';
export type { ShipPeers } from '../../machines/ship/ship.signals.js';
export type { ShipPayload } from '../../machines/ship/ship.messages.js';
