export * from './transport.js';

import type { Listener } from './witness.js';
/**
 * The former name of `Listener`.
 * @deprecated Since 0.1.0.
 */
export type Door = Listener;
