import type { SessionStream } from '../stream.js';
import type { TransferCode } from './payloads.js';
import { TransferError, type RecordStream } from './record-stream.js';

/** How long the other side may take to end the stream, when all is confirmed or has failed. Chosen without measurement. */
export const LINGER_MS = 5_000;

/** Sends the reason why a transfer failed and ends the stream, in order if possible. */
export async function sendFarewell(records: RecordStream, error: TransferError): Promise<void> {
  const { stream } = records;
  if (stream.destroyed) return;
  if (error.side === 'remote') return void stream.destroy();
  await records.say({ kind: 'failed', code: error.code, message: error.message.slice(0, 1000) }).catch(() => {});
  stream.end();
  // Reads and drops further input, so that the other side gets to read the reason.
  records.ignore();
  await closedOf(stream);
}

/** Resolves when the stream is over; destroys it after a while. */
async function closedOf(stream: SessionStream): Promise<void> {
  if (stream.closed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => stream.destroy(), LINGER_MS);
    stream.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const CODES: Readonly<Record<string, TransferCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
};

/** Converts an error of the file system into one of a transfer; returns any other as it is. @rule XFER-4 */
export function known(error: Error, name: string | undefined): Error {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof TransferError || syscall === undefined || code === undefined) return error;
  return new TransferError(CODES[code] ?? 'io', `${name ?? 'the directory'}: ${error.message}`, 'local', { cause: error });
}
