/** Bytes that look random and are the same for the same seed. */
export function noise(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  const { imul } = Math; // Looking up a global in each round costs seconds under jest.
  let state = imul(seed + 1, 2654435761);
  for (let i = 0; i < words.length; i++) {
    state = imul(state ^ (state >>> 15), 1664525) + 1013904223;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Pieces of 0 to `lengthMax` bytes. */
export function piecesOf(seed: number, count: number, lengthMax: number): Buffer[] {
  const lengths = noise(seed, count * 2);
  return Array.from({ length: count }, (_, i) =>
    noise(seed + i, Math.floor((lengths.readUInt16LE(i * 2) * (lengthMax + 1)) / 65536)),
  );
}
