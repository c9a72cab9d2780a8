/**
 * Bytes that are kept for long, as text with one character each. A typed array of 32 bytes costs 232 on the heap, whatever
 * little it holds; text of as many characters 48.
 */
export function packed(bytes: Uint8Array): string {
  // `apply` takes whatever has a length, though its type says otherwise; to spread the bytes takes six times as long.
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}

export function unpacked(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether they are the same, in a time that doesn't depend on where they differ. */
export function isPacked(text: string, bytes: Uint8Array): boolean {
  if (text.length !== bytes.length) return false;
  let difference = 0;
  for (let i = 0; i < bytes.length; i++) difference |= bytes[i]! ^ text.charCodeAt(i);
  return difference === 0;
}
