import { randomFillSync } from 'node:crypto';
import { wordsOf } from '../machines/callbacks.js';
import { printable } from './printable.js';
import { onUndeclaredStep } from '../machines/phase-table.js';
import type { Ports } from '../machines/ports.js';
import { clock } from './node-clock.js';

export { clock };

/** Random bytes drawn in advance, since a call costs the same for 16 bytes and for 1024. Bytes that were given away are wiped. */
const reserve = new Uint8Array(1024);
let left = 0;

function entropy(bytes: number): Uint8Array {
  if (bytes > reserve.length) return randomFillSync(new Uint8Array(bytes));
  if (bytes > left) left = randomFillSync(reserve).length;
  const taken = reserve.subarray(left - bytes, left);
  left -= bytes;
  const given = taken.slice();
  taken.fill(0);
  return given;
}

/** A process warning: printed once on standard error, and emitted to `process.on('warning')`. */
function report(callback: string, error: unknown): void {
  const detail = error instanceof Error ? error.stack : undefined;
  process.emitWarning(printable(`${callback}: ${wordsOf(error)}`), {
    type: 'HoldfastCallbackWarning',
    ...(detail === undefined ? {} : { detail }),
  });
}

/** The session goes on; the warning is worth a report to the makers of this package. */
onUndeclaredStep((text) => process.emitWarning(text, { type: 'HoldfastDefectWarning' }));

/** Node's own clock, random numbers and entropy. */
export const ports: Ports = { clock, random: Math.random, entropy, report };
