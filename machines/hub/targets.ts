import type { Wish } from './connect-request.js';

/** Who came by itself can't be reached, and nobody has said how. */
export const NO_WISH: Wish = Object.freeze({ targets: [], peer: undefined, dialOptions: {} });
