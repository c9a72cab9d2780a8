import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { SessionError } from '../machines/errors.js';
import { isLoopbackHost } from '../machines/loopback.js';

/** Which web pages, and under which names, may reach a WebSocket listener. */
export interface VisitorOptions {
  /**
   * Origins of web pages that may connect, e.g. `https://app.example`; `*` for all. Default none: a browser sends `Origin` with
   * every WebSocket, and gets 403. Programs send none and are not asked.
   */
  readonly origins?: readonly string[];
  /**
   * Names under which dialers may call this listener, besides its own address, the names of this machine (`localhost`), and those
   * in its certificate; `*` for any. Others get 403, since a foreign name that leads here is how a web page reaches a private
   * network (DNS rebinding). A listener at other than loopback addresses may be called by any IP address.
   */
  readonly hosts?: readonly string[];
}

/** Why an upgrade is refused. */
export type VisitorRefusal = 'origin-refused' | 'host-unknown';

/**
 * Checks upgrades by headers that a browser always sends and a page can't forge: the origin of the page, and the host that it calls.
 *
 * @param listenHost the host of the listener's address
 * @param certificate the listener's own, PEM
 * @throws SessionError `bad-option` for an origin or a host that can't be one
 */
export function visitorsAt(
  listenHost: string,
  { origins = [], hosts = [] }: VisitorOptions,
  certificate?: string,
): (request: IncomingMessage, socket: Socket) => VisitorRefusal | undefined {
  const pages = new Set(origins.map(originOf));
  const names = new Set([...hosts.map(nameOf), listenHost.toLowerCase(), ...namesIn(certificate)]);
  const isAnyPage = pages.has('*');
  const isAnyHost = names.has('*');
  return ({ headers: { origin, host } }, socket) => {
    if (origin !== undefined && !isAnyPage && !pages.has(origin.toLowerCase())) return 'origin-refused';
    if (isAnyHost || isKnown(hostIn(host ?? ''), names, socket.localAddress ?? '')) return undefined;
    return 'host-unknown';
  };
}

function isKnown(host: string, names: ReadonlySet<string>, localAddress: string): boolean {
  if (host === '') return false;
  if (names.has(host) || isOfThisMachine(host)) return true;
  if (names.has(`*.${host.slice(host.indexOf('.') + 1)}`)) return true;
  // An address leads where it says; only names can be turned elsewhere. It may be that of a router in front.
  return isIP(host) !== 0 && !isLoopbackHost(localAddress);
}

/**
 * This machine, by a name of RFC 6761 too: browsers ask no resolver for `app.localhost`. IPv4 inside IPv6 is no name by which people or
 * programs call a listener, so it is refused like any unknown one.
 */
function isOfThisMachine(host: string): boolean {
  return (isLoopbackHost(host) && !host.startsWith('::ffff:')) || host.endsWith('.localhost');
}

/** The host of a `Host` header, without port and brackets; empty where there is none, or none that can be one. */
function hostIn(header: string): string {
  const [, literal, name] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]]+))(?::\d{0,5})?$/i.exec(header.trim()) ?? [];
  return (literal ?? name?.replace(/\.$/, '') ?? '').toLowerCase();
}

function originOf(origin: string): string {
  if (origin === '*' || origin === 'null') return origin;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  const bare = origin.toLowerCase().replace(/\/$/, '');
  if (url === undefined || bare !== `${url.protocol}//${url.host}`)
    throw new SessionError(
      'bad-option',
      `origins: expected an origin such as https://app.example, or "*", got ${JSON.stringify(origin)}`,
    );
  return bare;
}

function nameOf(host: string): string {
  const name = hostIn(host);
  if (host === '*') return host;
  if (name === '' || (host.includes(':') && isIP(name) !== 6))
    throw new SessionError('bad-option', `hosts: expected a host name without port, or "*", got ${JSON.stringify(host)}`);
  return name;
}

/** The DNS names that a certificate is for. */
function namesIn(certificate: string | undefined): string[] {
  if (certificate === undefined) return [];
  const alternatives = new X509Certificate(certificate).subjectAltName ?? '';
  return [...alternatives.matchAll(/DNS:([^,\s"]+)/g)].map(([, name]) => name!.toLowerCase());
}
