import type { Wish } from './entry-side.js';

/** Who came by itself can't be reached, and nobody has said how. */
export const NO_WISH: Wish = Object.freeze({ targets: [], peer: undefined, dialOptions: {} });
