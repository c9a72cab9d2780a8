import { SessionError } from '../../machines/errors.js';

/**
 * A Subject Key Identifier as people write it, in the one form that is compared: 40 lower-case hex digits. Spaces and hyphens
 * are forgiven. @throws SessionError `bad-option`
 */
export function normaliseSki(text: string): string {
  const digits = text.replace(/[\s-]/g, '').toLowerCase();
  if (/^[0-9a-f]{40}$/.test(digits)) return digits;
  const got = /^[0-9a-f]*$/.test(digits) ? `${digits.length}` : 'something that is not hex';
  throw new SessionError('bad-option', `bad SKI ${JSON.stringify(text.slice(0, 100))}: expected 40 hex digits, got ${got}`);
}
