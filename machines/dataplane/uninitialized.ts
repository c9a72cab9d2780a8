/** The part of Node's `Buffer` that is used here. */
interface Allocator {
  allocUnsafeSlow(bytes: number): Uint8Array;
}

const platform = (globalThis as { readonly Buffer?: Allocator }).Buffer;

/**
 * Memory of its own that is about to be overwritten, every byte that is ever read: where the platform can (Node), it isn't filled with
 * zeros first, which costs a large message as much as a second copy.
 */
export function uninitialized(bytes: number): Uint8Array {
  return platform === undefined ? new Uint8Array(bytes) : platform.allocUnsafeSlow(bytes);
}
