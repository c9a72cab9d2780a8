import type { WireCause } from '../machines/ports.js';

/** The cause that the peer's close code states (RFC 6455, 7.4.1): most codes are orderly ends. */
export function causeOfClose(code: number, words: string): WireCause {
  const reason = words === '' ? {} : { reason: words };
  switch (code) {
    case 1005: // No code was sent.
      return { kind: 'ended', ...reason };
    case 1006: // No close frame came.
      return { kind: 'reset', code };
    case 1002:
    case 1003:
    case 1007:
      return { kind: 'malformed', code, ...reason };
    case 1009:
      return { kind: 'oversized', code, ...reason };
    default:
      return { kind: 'ended', code, ...reason };
  }
}

/** A code that a close frame may carry from an application (RFC 6455, 7.4.2), or 1000. */
export function sendableCode(code = 1000): number {
  return Number.isInteger(code) && code >= 3000 && code <= 4999 ? code : 1000;
}

/** As many whole characters as a close frame has room for: 123 bytes (RFC 6455, 5.5.1). */
export function sendableReason(reason = ''): string {
  const bytes = new TextEncoder().encode(reason);
  return bytes.length <= 123 ? reason : new TextDecoder().decode(bytes.subarray(0, 123), { stream: true });
}
