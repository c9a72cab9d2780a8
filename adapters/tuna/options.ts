import { SessionError } from '../../machines/errors.js';
import { TUNA_LIMITS, type TunaLimits } from '../../machines/tuna/tuna.timing.js';
import {
  amount,
  callable,
  checkOptions,
  count,
  flag,
  having,
  members,
  numeric,
  optional,
  redialPolicy,
  window,
} from '../options.js';

/** Most links of one session: a slot for each wire and its successor, one bit each. */
export const TUNA_LINKS_MAX = 15;

/** Sets `reconnectRetries` as the original understands it: a negative number means no limit. */
export const retries = numeric('a whole number, negative for no limit', Number.isInteger);
export const links = numeric(
  `a whole number from 1 to ${TUNA_LINKS_MAX}`,
  (n) => Number.isInteger(n) && n >= 1 && n <= TUNA_LINKS_MAX,
);

const within = (min: number, max: number): ReturnType<typeof numeric> =>
  numeric(`a number from ${min} to ${max}`, (n) => n >= min && n <= max);

const OPTIONS = members({
  ...Object.fromEntries(Object.keys(TUNA_LIMITS).map((name) => [name, optional(amount)])),
  reconnectWindowMs: optional(window),
  numTunaListeners: optional(links),
  mtu: optional(within(1, 60_000)),
  windowBytes: optional(within(1, 2 ** 30)),
  packetsMax: optional(within(1, 2 ** 22)),
  isStream: optional(flag),
  identity: optional(having('what `tunaIdentity` made', 'boxWith')),
  accepts: optional(callable),
  addresses: optional(having('an address query', 'query')),
  redial: optional(redialPolicy),
  reconnectRetries: optional(retries),
  connectionsMax: optional(count),
  first: optional(count),
});

/** All limits, those that were given and the defaults. Throws `bad-option` naming what is wrong, and what is no option at all. */
export function limitsFrom(options: Partial<TunaLimits>): TunaLimits {
  checkOptions('tuna', OPTIONS, options);
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => Object.hasOwn(TUNA_LIMITS, name) && value !== undefined),
  ) as Partial<TunaLimits>;
  const limits = { ...TUNA_LIMITS, ...given };
  const { windowBytes, mtu, sendBytesMax } = limits;
  if (limits.isStream === false && mtu > windowBytes)
    throw new SessionError('bad-option', `tuna.windowBytes: expected room for a packet of ${mtu} bytes, got ${windowBytes}`);
  return { ...limits, packetsMax: packetsFor(windowBytes, mtu), sendBytesHigh: sendBytesMax / 8, ...given };
}

/** Twice as many as fill the window, a power of two. */
function packetsFor(windowBytes: number, mtu: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2((2 * windowBytes) / mtu)));
}
