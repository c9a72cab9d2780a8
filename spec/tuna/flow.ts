import type { Connection } from '../../adapters/index.js';
import { byteAt, fill } from './ncp-channel.js';

/** Resolves with the place of the first wrong byte, or -1, once so many have come; `onProgress` is told how many there are. */
export function hear(connection: Connection, total: number, onProgress?: (bytes: number) => void): Promise<number> {
  return new Promise((resolve) => {
    let at = 0;
    connection.onMessage = (bytes) => {
      for (const byte of bytes) if (byte !== byteAt(at++)) return resolve(at - 1);
      onProgress?.(at);
      if (at >= total) resolve(-1);
    };
  });
}

/** Writes the pattern, from a place on, as fast as it is taken. */
export async function pour(connection: Connection, total: number, from = 0): Promise<void> {
  for (let at = from; at < from + total; at += 65_536)
    if (!connection.write(fill(new Uint8Array(Math.min(65_536, from + total - at)), at))) await connection.drained();
}
