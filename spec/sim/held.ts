import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ballastBytes } from '../../transports/ballast.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Bytes that this process holds after a collection: heap, buffers and what native code has for them. */
export async function heldBytes(): Promise<number> {
  // Twice, with a turn in between: sockets let go of their buffers in callbacks.
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  // `external` has the array buffers in it. The ballast is given once, to a process that has received much: it may come in between.
  return heapUsed + external - ballastBytes();
}
