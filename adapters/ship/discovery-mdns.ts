import { ports as platformPorts } from '#platform';
import { SessionError } from '../../machines/errors.js';
import type { Clock, Random } from '../../machines/ports.js';
import type { Announcement, Discovery, RemoteService } from './discovery.js';
import { DnsCache, type Instance } from './dns-cache.js';
import { MdnsAdvertiser, type Advertisement } from './mdns-advertiser.js';
import { hostAddresses, mdnsNetwork, mdnsNetworks, type DnsRecord, type MdnsNetwork, type OpenMdns } from './mdns-network.js';
import { KnownServices } from './services.js';
import { normaliseSki } from './ski.js';
import { readTxt, txtStrings } from './txt-record.js';
import { unlisted } from '../../machines/unlisted.js';
import { anything, callable, checkOptions, listOf, members, optional, text } from '../options.js';

/** How to browse and to announce by multicast DNS. */
export interface MdnsOptions {
  /** This node's own SKI; entries with it are ignored. */
  readonly ski: string;
  readonly shipId: string;
  /** The instance name, for people. Default: brand, model and the beginning of the SKI. */
  readonly name?: string;
  readonly brand?: string;
  readonly model?: string;
  /** The kind of device, `Wallbox`. */
  readonly type?: string;
  readonly serial?: string;
  /** Device categories, 1 to 7. */
  readonly categories?: readonly number[];
  /** The name under which this host's addresses are announced. Default: the start of the SKI, so that no other host has it. */
  readonly host?: string;
  /** IPv4 address of the one interface to use. Default: all. */
  readonly interface?: string;
  /**
   * Interfaces to browse and to announce on, by name (`eth0`) or by one of their addresses: an allow list. Default: all, but for
   * bridges of containers and virtual machines, whose addresses are not announced.
   */
  readonly interfaces?: readonly string[];
  /** Called with a description of each failure or unreadable record, for a log: once for each. */
  readonly onTrouble?: (message: string) => void;
  /** For tests: another network, other addresses of this host, another clock. */
  readonly open?: OpenMdns;
  readonly addressesOfHost?: () => readonly string[];
  readonly ports?: { readonly clock: Clock; readonly random: Random };
}

const TEXTS = ['name', 'brand', 'model', 'type', 'serial', 'host', 'interface'] as const;
const OPTIONS = members({
  ski: text,
  shipId: text,
  ...Object.fromEntries(TEXTS.map((name) => [name, optional(anything)])), // The TXT record's.
  categories: optional(listOf('categories, 1 to 7', anything)),
  interfaces: optional(listOf('names of interfaces', text)),
  onTrouble: optional(callable),
  open: optional(callable),
  addressesOfHost: optional(callable),
  ports: optional(anything),
});

const SERVICE = '_ship._tcp.local';
/** Interval of questions, doubling up to a quarter of the time to live of answers (120 s): three may get lost. */
const ASK_MS = { first: 1000, max: 30_000 };
/** From the loss of the network to the next attempt, doubling. Chosen without measurement. */
const REOPEN_MS = { first: 1000, max: 60_000 };
const RENAMES_MAX = 9;
const TROUBLES_MAX = 256;

/**
 * Finds SHIP services by mDNS and announces this one (`_ship._tcp`). It outlives its network: when that is lost, or the addresses
 * of this host change, it opens another, asks and announces again. Services that were found stay known.
 *
 * @throws SessionError `bad-option` without the package multicast-dns, or if the options fit in no TXT record
 */
export async function mdnsDiscovery(options: MdnsOptions): Promise<Discovery> {
  checkOptions('mdnsDiscovery', OPTIONS, options);
  const discovery = new MdnsDiscovery(options);
  await discovery.open();
  return discovery;
}

class MdnsDiscovery implements Discovery {
  readonly #ski: string;
  readonly #clock: Clock;
  readonly #advertiser: MdnsAdvertiser;
  readonly #cache = new DnsCache(SERVICE);
  readonly #known = new KnownServices();
  readonly #troubles = new Set<string>();
  #network: MdnsNetwork | undefined;
  #announcement: Announcement | undefined;
  #renames = 0;
  #isClosed = false;
  #askTimer: unknown;
  #expiryTimer: unknown;
  #askInMs = ASK_MS.first;
  #askedMissingMs = -Infinity;
  #reopenInMs = REOPEN_MS.first;
  #hostAddresses = '';

  constructor(readonly options: MdnsOptions) {
    const { clock, random } = options.ports ?? platformPorts;
    this.#ski = normaliseSki(options.ski);
    this.#clock = clock;
    this.#advertiser = new MdnsAdvertiser(SERVICE, clock, random);
    txtStrings(this.#txt('/', false)); // Throws now rather than later.
    unlisted(this);
  }

  toJSON(): object {
    return { discovery: 'mdns', ski: this.#ski, services: this.#known.entries().length };
  }

  entries(): readonly RemoteService[] {
    return this.#known.entries();
  }
  find(ski: string): RemoteService | undefined {
    return this.#known.find(ski);
  }
  subscribe(listener: (services: readonly RemoteService[]) => void): () => void {
    return this.#known.subscribe(listener);
  }

  announce(announcement: Announcement): void {
    if (this.#isClosed) throw new SessionError('closed', 'this discovery is closed');
    this.#announcement = announcement;
    this.#advertiser.show(this.#advertisement());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#known.close();
    for (const timer of [this.#askTimer, this.#expiryTimer]) this.#clock.clearTimeout(timer);
    await this.#advertiser.withdraw();
    this.#advertiser.detach();
    await this.#network?.close();
  }

  /** Opens the network, now or as soon as one is available. */
  async open(): Promise<void> {
    const open = this.options.open ?? networkOf(this.options);
    try {
      const network = await open({
        onQuestions: (questions) => this.#advertiser.answer(questions),
        onRecords: (records) => this.#received(records),
        onLost: (error) => this.#lost(error),
      });
      if (this.#isClosed) return await network.close();
      this.#network = network;
    } catch (error) {
      if (error instanceof SessionError) throw error;
      return this.#lost(error as Error);
    }
    this.#reopenInMs = REOPEN_MS.first;
    this.#askInMs = ASK_MS.first;
    this.#hostAddresses = this.#addressesOfHost().join();
    this.#advertiser.show(this.#advertisement()); // With the current addresses.
    this.#advertiser.attach(this.#network);
    this.#ask();
  }

  #lost(error: Error): void {
    this.#network = undefined;
    this.#advertiser.detach();
    this.#clock.clearTimeout(this.#askTimer);
    if (this.#isClosed) return;
    this.#trouble(`mDNS is not available and will be tried again: ${error.message}`);
    this.#askTimer = this.#clock.setTimeout(() => this.#openAgain(), this.#reopenInMs);
    this.#reopenInMs = Math.min(this.#reopenInMs * 2, REOPEN_MS.max);
  }

  /** Asks for services at intervals, and checks whether the addresses of this host have changed. */
  #ask(): void {
    if (this.#addressesOfHost().join() !== this.#hostAddresses) return this.#reopen();
    this.#network?.ask([{ name: SERVICE, type: 'PTR' }, ...this.#cache.missing(this.#clock.now())]);
    this.#askTimer = this.#clock.setTimeout(() => this.#ask(), this.#askInMs);
    this.#askInMs = Math.min(this.#askInMs * 2, ASK_MS.max);
  }

  /** Memberships of multicast groups end with their interfaces, without an event. */
  #reopen(): void {
    const network = this.#network;
    this.#network = undefined;
    this.#advertiser.detach();
    void network?.close().then(() => this.#openAgain());
  }

  #openAgain(): void {
    if (!this.#isClosed) this.open().catch((error: Error) => this.#trouble(error.message));
  }

  #received(records: readonly DnsRecord[]): void {
    if (this.#isClosed) return;
    if (this.#advertiser.isContested(records)) this.#rename();
    const now = this.#clock.now();
    this.#cache.take(records, now);
    this.#update();
    const missing = this.#cache.missing(now);
    if (missing.length === 0 || now < this.#askedMissingMs + ASK_MS.first) return; // The next round asks for them too.
    this.#askedMissingMs = now;
    this.#network?.ask(missing);
  }

  /** Another node has our name. Both nodes may detect that and change theirs. */
  #rename(): void {
    if (this.#renames >= RENAMES_MAX) return this.#trouble('every name that this node takes is taken already');
    this.#renames++;
    const advertisement = this.#advertisement();
    this.#trouble(`the name of this node is taken already; from now on it is ${JSON.stringify(advertisement?.label)}`);
    this.#advertiser.cede();
    this.#advertiser.show(advertisement);
  }

  #update(): void {
    const visible = new Map<string, RemoteService>();
    for (const instance of this.#cache.instances(this.#clock.now())) {
      const service = serviceOf(instance);
      if (typeof service === 'string') this.#trouble(`ignored ${JSON.stringify(instance.label.slice(0, 63))}: ${service}`);
      else if (service.ski !== this.#ski) visible.set(service.ski, service);
    }
    this.#known.show(visible);
    this.#clock.clearTimeout(this.#expiryTimer);
    const expiryMs = this.#cache.nextExpiry();
    if (expiryMs === undefined || this.#isClosed) return;
    this.#expiryTimer = this.#clock.setTimeout(() => this.#update(), expiryMs - this.#clock.now());
  }

  #advertisement(): Advertisement | undefined {
    const places = (this.#announcement?.addresses ?? []).flatMap(placeOf);
    const [place] = places;
    if (place === undefined) return undefined; // No peer could dial us.
    const ofHost = this.#addressesOfHost();
    const bound = places.filter(({ port, path }) => port === place.port && path === place.path); // One record has one port.
    const addresses = [...new Set(bound.flatMap(({ reach }) => addressesIn(reach, ofHost)))];
    if (addresses.length === 0) {
      this.#trouble(
        `not announced: no address of the allowed interfaces is listened at (${bound.map(({ reach }) => reach).join(', ')})`,
      );
      return undefined;
    }
    const { name, brand, model, host } = this.options;
    const label = name ?? [brand, model, this.#ski.slice(0, 8)].filter((each) => each !== undefined).join(' ');
    return {
      label: this.#renames === 0 ? label : `${label.slice(0, 50)} (${this.#renames + 1})`,
      host: host ?? `ship-${this.#ski.slice(0, 16)}.local`,
      port: place.port,
      addresses,
      txt: this.#txt(place.path, this.#announcement?.isRegistering ?? false),
    };
  }

  #txt(path: string, isRegistering: boolean): Parameters<typeof txtStrings>[0] {
    const { shipId, brand, model, type, serial, categories } = this.options;
    return {
      ski: this.#ski,
      shipId,
      path,
      isRegistering,
      ...(brand === undefined ? {} : { brand }),
      ...(model === undefined ? {} : { model }),
      ...(type === undefined ? {} : { type }),
      ...(serial === undefined ? {} : { serial }),
      ...(categories === undefined ? {} : { categories }),
    };
  }

  #addressesOfHost(): readonly string[] {
    const { addressesOfHost, interfaces, interface: one } = this.options;
    return addressesOfHost?.() ?? hostAddresses(interfaces ?? (one === undefined ? undefined : [one]));
  }

  #trouble(message: string): void {
    if (this.#troubles.has(message)) return;
    if (this.#troubles.size >= TROUBLES_MAX) this.#troubles.clear();
    this.#troubles.add(message);
    this.options.onTrouble?.(message);
  }
}

/** A found instance as a service, or a sentence with the reason why it is none. */
function serviceOf({ label, target, port, txt, addresses }: Instance): RemoteService | string {
  const read = readTxt(txt);
  if (typeof read === 'string') return read;
  if (port === 0) return 'its port is 0';
  const host = target.replace(/\.$/, '');
  const reachable = addresses.filter((each) => !/^fe[89ab]/i.test(each));
  const isV6 = (each: string): number => Number(each.includes(':'));
  return {
    ...read,
    name: label,
    // It becomes part of an address to dial: only a plain name is allowed.
    ...(/^[\w.-]{1,253}$/.test(host) ? { host } : {}),
    addresses: [...new Set(reachable)].sort((a, b) => isV6(a) - isV6(b)),
    port,
    isVisible: true,
  };
}

function networkOf({ interface: one, interfaces }: MdnsOptions): OpenMdns {
  return interfaces !== undefined ? mdnsNetworks(interfaces) : mdnsNetwork(one === undefined ? {} : { interface: one });
}

/** Where we listen: `any` stands for every address of both families, `any4` for those of IPv4; else it is one address. */
function placeOf(address: string): { port: number; path: string; reach: string }[] {
  if (!/^wss:/i.test(address) || !URL.canParse(address)) return [];
  const { hostname, port, pathname } = new URL(address);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const isAddress = /^[\d.]+$|:/.test(host);
  const reach = host === '0.0.0.0' ? 'any4' : isAddress && host !== '::' ? host : 'any';
  return [{ port: Number(port || 443), path: pathname === '/' ? '/ship/' : pathname, reach }];
}

/** The addresses at which a listener can be reached. */
function addressesIn(reach: string, ofHost: readonly string[]): readonly string[] {
  if (reach === 'any') return ofHost;
  return reach === 'any4' ? ofHost.filter((each) => !each.includes(':')) : [reach];
}
