import { SessionError } from '../errors.js';

/**
 * The size of a message that is bytes. Other values with a length (text, a list of numbers, 16-bit numbers) would be taken for
 * bytes without a word, and arrive as something else.
 *
 * @throws SessionError `not-a-message`
 */
export function messageBytes(message: Uint8Array): number {
  const bytes = message?.byteLength; // Callers without types may have nothing.
  if (bytes !== undefined && bytes === message.length) return bytes;
  throw new SessionError('not-a-message', `expected bytes, such as a Uint8Array or a Buffer, got ${described(message)}`);
}

function described(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return (value as Partial<object>).constructor?.name ?? 'an object';
}
