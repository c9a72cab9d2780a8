import { InvalidArgumentError, Option } from 'commander';
import { SessionError } from '../../machines/errors.js';
import { parseHostAndPort, parseWebSocketAddress } from '../../transports/address.js';

/** Parses words of the command line. Each function throws an error that commander prints with the name of the option. */

const UNITS: Record<string, number> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

/** `64MiB`, `10KB`, `1048576` as bytes. */
export function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = match === null ? undefined : UNITS[match[2]!.toUpperCase()];
  const bytes = unit === undefined ? NaN : Math.floor(Number(match![1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError(`expected a size such as 64MiB, got "${text}"`);
  return bytes;
}

const DURATIONS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `60s`, `500ms`, `2m`, `1h` as milliseconds. */
export function millisecondsOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new InvalidArgumentError(`expected a time such as 60s or 500ms, got "${text}"`);
  const ms = Math.round(Number(match[1]) * DURATIONS[match[2]!]!);
  if (ms > TIME_MS_MAX) throw new InvalidArgumentError(`expected a time of at most 596h, got "${text}"`);
  return ms;
}

/** Timers take no more; Node would let a longer one end at once. */
const TIME_MS_MAX = 2 ** 31 - 1;

/** `--window`: how long a session may be without a link. The shorter one of the two sides counts, so a dialer chooses and a listener bounds. */
export function windowOption(side: 'dial' | 'listen'): Option {
  const option = new Option('--window <time>', WINDOW[side]).argParser(millisecondsOf);
  return side === 'dial' ? option.default(60_000, '60s') : option.default(3_600_000, '1h');
}

const WINDOW = {
  dial: 'how long the session survives without a link',
  listen: 'upper bound of the --window that a dialer may request',
};

/** A whole number from `min` to `max`, in digits. */
export function wholeOf(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (text) => {
    const n = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (!(n >= min && n <= max)) throw new InvalidArgumentError(`expected a whole number ${bounds}, got "${text}"`);
    return n;
  };
}

/** Where to reach over the network, and how. */
export const SCHEMES = ['tcp', 'tls', 'ws', 'wss'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** Checks an ADDR such as `tls://host:port`, and gives it back. */
export function addressOf(use: 'dial' | 'listen'): (text: string) => string {
  return (text) => {
    try {
      const scheme = schemeOf(text);
      if (scheme === 'ws' || scheme === 'wss') parseWebSocketAddress(text, scheme, use);
      else parseHostAndPort(text, scheme, use);
      return text;
    } catch (error) {
      if (error instanceof SessionError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** The scheme of an address, without the colon. */
export function schemeOf(address: string): Scheme {
  const [, given = ''] = /^([a-z][a-z0-9+.-]*):/i.exec(address) ?? [];
  const scheme = SCHEMES.find((each) => each === given.toLowerCase());
  if (scheme !== undefined) return scheme;
  if (given === 'memory')
    throw new InvalidArgumentError(
      `"${address}" works inside one process only; expected ${SCHEMES.map((each) => `${each}://`).join(', ')}`,
    );
  throw new InvalidArgumentError(
    `bad address "${address}": expected ${SCHEMES.map((each) => `${each}://`).join(', ')} and host:port`,
  );
}

/** `host:port`, as in `--to` of a tunnel. IPv6 addresses stand in brackets. */
export function hostAndPortOf(use: 'dial' | 'listen'): (text: string) => { readonly host: string; readonly port: number } {
  return (text) => {
    try {
      return parseHostAndPort(`tcp://${text}`, 'tcp', use);
    } catch (error) {
      const [, why] = error instanceof SessionError ? (/": (port .*)$/.exec(error.message) ?? []) : [];
      throw new InvalidArgumentError(`expected host:port, got "${text}"${why === undefined ? '' : `: ${why}`}`);
    }
  };
}
