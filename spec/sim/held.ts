import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

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
  return heapUsed + external; // `external` has the array buffers in it.
}
