export { ConnectionManager } from './manager.js';
export type { AddressResolver, ConnectionConfig, ConnectionManagerOptions, ConnectOptions } from './manager.js';
export type { NextOptions, PooledConnection } from './lease.js';
export { peerId, pool, type PoolIdentity, type PoolOptions } from './protocol.js';
export { bareCodec, MAGIC, poolCodec, VERSION } from './codec.js';
export { POOL_LIMITS, type PoolLimits } from '../../machines/pool/pool.timing.js';
