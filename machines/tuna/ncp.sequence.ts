/**
 * Numbers of data packets as NCP counts them: from 1 to 2^32 − 1 and then from 1 again; 0 is never one.
 * Inside a session packets are counted without wrapping; these translate.
 * @rule NCP-3
 */

/** How many numbers there are. */
export const SEQUENCES = 2 ** 32 - 1;
const HALF = (SEQUENCES - 1) / 2;

/** The number `step` after `sequence`; a negative step goes back. */
export function nextSequence(sequence: number, step: number): number {
  const at = (sequence - 1 + step) % SEQUENCES;
  return (at < 0 ? at + SEQUENCES : at) + 1;
}

/** Farther behind than the packets of half a terabyte; with the random part it stays within half the circle. */
const UNUSED_BEHIND = 2 ** 29;

/**
 * A number far behind all that a session has used. A peer acknowledges it as any that came before, and because it is drawn anew no
 * recording of a wire holds that acknowledgement.
 */
export function unusedSequence(first: number, base: number, entropy?: (bytes: number) => Uint8Array): number {
  const bytes = entropy?.(4) ?? Uint8Array.of(0x5a, 0x5a, 0x5a, 0x5a);
  const random = (bytes[0]! << 22) + (bytes[1]! << 14) + (bytes[2]! << 6) + (bytes[3]! >>> 2);
  return nextSequence(first, base - UNUSED_BEHIND - random);
}

/** How far `sequence` lies ahead of `base`; negative where it lies behind. */
export function aheadOf(base: number, sequence: number): number {
  let ahead = sequence - base;
  if (ahead < 0) ahead += SEQUENCES;
  return ahead <= HALF ? ahead : ahead - SEQUENCES;
}
