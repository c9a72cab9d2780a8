import { SessionError } from '../errors.js';
import type { Transport } from '../ports.js';

/** The first of `transports` that knows the scheme of `address`. @throws SessionError `bad-address`, `no-transport` */
export function transportFor(transports: readonly Transport[], address: string): Transport {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined)
    throw new SessionError('bad-address', `"${address}" is not an address: it has no scheme such as tcp://`);
  const transport = transports.find((t) => t.schemes.includes(scheme));
  if (transport === undefined)
    throw new SessionError(
      'no-transport',
      `no transport was given for ${scheme}:// (there are ${transports.flatMap((t) => t.schemes).join(', ') || 'none'})`,
    );
  return transport;
}
