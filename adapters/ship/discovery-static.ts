import { describedBy } from '../../machines/context-safe.js';
import { SessionError } from '../../machines/errors.js';
import type { Discovery, RemoteService } from './discovery.js';
import { KnownServices, SERVICES_MAX } from './services.js';
import { normaliseSki } from './ski.js';
import { checkOptions, listOf, record, text } from '../options.js';

/** A peer whose place is known. */
export interface StaticService {
  /** In any spelling. */
  readonly ski: string;
  /** A name, an IPv4 or an IPv6 address, the last with or without brackets. */
  readonly host: string;
  readonly port: number;
  /** Default `/ship/`. */
  readonly path?: string;
  readonly shipId?: string;
  /** For people. */
  readonly name?: string;
}

/** Discovery for networks without mDNS: peers are where they were said to be. They can't be announced to. */
export interface StaticDiscovery extends Discovery {
  /** Adds a peer, or moves one. @throws SessionError `bad-option` for what names no place */
  add(service: StaticService): void;
  /** Its place is known from before, from now on. */
  remove(ski: string): void;
}

const SERVICE = record('a service { ski, host, port }', { ski: text });
const SERVICES = listOf('services { ski, host, port }', SERVICE);

/**
 * Services that are known without looking: addresses from a configuration, or put in by a test.
 *
 * @throws SessionError `bad-option` for what names no place
 */
export function staticDiscovery(services: readonly StaticService[] = []): StaticDiscovery {
  checkOptions('staticDiscovery', SERVICES, services);
  const known = new KnownServices();
  const visible = new Map<string, RemoteService>();
  const put = (service: StaticService): void => {
    checkOptions('staticDiscovery.add', SERVICE, service);
    const found = serviceOf(service);
    if (!visible.has(found.ski) && visible.size >= SERVICES_MAX) {
      throw new SessionError('too-large', `there are as many static services as there may be (${SERVICES_MAX})`);
    }
    visible.set(found.ski, found);
  };
  for (const service of services) put(service);
  known.show(visible);
  const discovery: StaticDiscovery = {
    entries: () => known.entries(),
    find: (ski) => known.find(ski),
    subscribe: (listener) => known.subscribe(listener),
    add(service) {
      put(service);
      known.show(visible);
    },
    remove(ski) {
      visible.delete(normaliseSki(ski));
      known.show(visible);
    },
    close() {
      known.close();
      return Promise.resolve();
    },
  };
  return describedBy(discovery, () => ({ discovery: 'static', services: known.entries().length }));
}

function serviceOf({ ski, host, port, path = '/ship/', shipId, name }: StaticService): RemoteService {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new SessionError('bad-option', `bad port ${port} of ${host}: expected 1 to 65535`);
  }
  const isAddress = /^[\d.]+$/.test(bare) || bare.includes(':');
  if (!URL.canParse(`wss://${bare.includes(':') ? `[${bare}]` : bare}:${port}/`) || /[/?#@\s]/.test(bare)) {
    throw new SessionError('bad-option', `bad host ${JSON.stringify(host)}: expected a name or an address`);
  }
  return {
    ski: normaliseSki(ski),
    ...(shipId === undefined ? {} : { shipId }),
    ...(name === undefined ? {} : { name }),
    ...(isAddress ? {} : { host: bare }),
    addresses: isAddress ? [bare] : [],
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    isRegistering: false,
    isVisible: true,
  };
}
