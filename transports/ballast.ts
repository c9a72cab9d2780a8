/** A process is given the memory once it has received this much. */
const BULK_BYTES = 16 << 20;
/** Numbers of 8 bytes: 4 MiB. */
const NUMBERS = 512 * 1024;

let receivedBytes = 0;
let ballast: readonly number[] | undefined;

/**
 * Counts the bytes that WebSockets bring, and after 16 MiB of them adds 4 MiB to V8's live heap, once in a process. Received bytes are new
 * buffers each time, and V8 lets 32 MiB of young ones pile up before it looks which are garbage. It also begins a full
 * collection when heap and buffers come near to four times the live heap: a process with 8 MiB alive that only receives is on
 * that edge, and collects forty times a second. With 12 MiB alive it never does. Numbers with a fraction lie in one piece that
 * collections don't look into. Not for bare sockets: such a process has less alive, stays below the edge, and gets onto it with this.
 */
export function received(bytes: number): void {
  if (ballast !== undefined) return;
  receivedBytes += bytes;
  if (receivedBytes >= BULK_BYTES) ballast = new Array<number>(NUMBERS).fill(0.5);
}

/** Size of that memory, in bytes; 0 before there is any. */
export function ballastBytes(): number {
  return (ballast?.length ?? 0) * 8;
}
