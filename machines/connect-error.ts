import type { Closing } from './closing.js';

/** An attempt that ended without a connection. `closing` says how. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  constructor(
    readonly closing: Closing,
    target: string,
  ) {
    super(
      `${target}: ${closing.reason}${closing.detail?.cause?.reason === undefined ? '' : ` (${closing.detail.cause.reason})`}`,
    );
  }
}
