import { SessionError } from '../machines/errors.js';

/** Where a socket goes to, or listens at. */
export interface HostAndPort {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/(?:\[([^\]]*)\]|([^:/?#@[\]\s]+)):([0-9]{1,5})\/?$/i;

/**
 * Reads `scheme://host:port`; IPv6 addresses stand in brackets.
 *
 * @param scheme without the colon
 * @param use port 0 means "one that is free" and only makes sense for listening
 * @throws SessionError `bad-address`, with a message that names the address and what is wrong with it
 */
export function parseHostAndPort(address: string, scheme: string, use: 'dial' | 'listen'): HostAndPort {
  const [, given, literal, name, digits] = SHAPE.exec(address) ?? [];
  if (given === undefined) throw badAddress(address, `expected ${scheme}://host:port`);
  if (given.toLowerCase() !== scheme) throw badAddress(address, `expected the scheme ${scheme}`);
  if (literal !== undefined && !isIPv6(literal)) throw badAddress(address, `${literal} is no IPv6 address`);
  return { host: literal ?? name ?? '', port: portOf(address, Number(digits), use) };
}

export interface WebSocketAddress extends HostAndPort {
  /** With the leading slash, without query. */
  readonly path: string;
  /** The whole address in the form in which HTTP wants it. */
  readonly url: string;
}

/**
 * Reads `ws://host:port/path?query`, or `wss://` where that is the scheme. A dialer may leave out the port (80 and 443).
 *
 * @throws SessionError `bad-address`
 */
export function parseWebSocketAddress(address: string, scheme: 'ws' | 'wss', use: 'dial' | 'listen'): WebSocketAddress {
  const url = /^wss?:\/\/[^\s/\\]+([/?][^\s#]*)?$/i.test(address) ? urlOf(address) : undefined;
  if (!url) throw badAddress(address, `expected ${scheme}://host:port/path`);
  if (url.protocol !== `${scheme}:`) throw badAddress(address, `expected the scheme ${scheme}`);
  if (url.username !== '' || url.password !== '') throw badAddress(address, 'names and passwords have no place here');
  const port = url.port === '' ? (scheme === 'wss' ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: portOf(address, port, use), path: url.pathname, url: url.href };
}

function portOf(address: string, port: number, use: 'dial' | 'listen'): number {
  if (port > 65535) throw badAddress(address, `port ${port} is above 65535`);
  if (port === 0 && use === 'dial') throw badAddress(address, 'port 0 can be listened at, not dialed');
  return port;
}

/** Also with a zone, as link-local addresses have it: `fe80::1%eth0`. */
function isIPv6(literal: string): boolean {
  return urlOf(`ws://[${literal.replace(/%\w+$/, '')}]`) !== undefined;
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

export function badAddress(address: string, why: string): SessionError {
  return new SessionError('bad-address', `bad address ${JSON.stringify(address.slice(0, 200))}: ${why}`);
}

/** `host:port`, with brackets around IPv6. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
