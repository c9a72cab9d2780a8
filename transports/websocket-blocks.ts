/** Memory in which frames are put together, shared by all wires of a process. */

/** Small frames mustn't hold large blocks while they wait; a large one fits into a processor's cache. Chosen without measurement. */
const SMALL_BYTES = 8 * 1024;
const LARGE_BYTES = 128 * 1024;
/** Kept for the next frame: 2.5 MiB. The collector gets the rest. */
const SMALL_KEPT_MAX = 64;
const LARGE_KEPT_MAX = 16;

const small: Buffer[] = [];
const large: Buffer[] = [];

/** A block for about so many bytes, or for the first of them; its content is rubbish. */
export function takeBlock(bytes: number): Buffer {
  if (bytes <= SMALL_BYTES) return small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
  return large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
}

/** The block is free: the socket that read it has written it. */
export function giveBlock(block: Buffer): void {
  if (block.length === SMALL_BYTES) {
    if (small.length < SMALL_KEPT_MAX) small.push(block);
  } else if (large.length < LARGE_KEPT_MAX) large.push(block);
}
