import { isLoopbackHost } from '../../loopback.js';
import { LIMITS, type Limits } from '../admission.js';

/** At a bound the oldest opening has left already, and has only to be destroyed. */
export type PendingAdmission<Opening> = { readonly word: 'admit' } | { readonly word: 'evict-oldest'; readonly oldest: Opening };

/** Of `openingsMax`, beside it and for peers alone whose sessions wait for them: one in so many. */
const RESERVE_SHARE = 8;

/**
 * The pending openings: accepted wires that have no session yet, bounded over all and by address. At a bound the oldest gives way,
 * whatever it has said: who is honest has said all before it becomes the oldest, and who talks slowly gains nothing by it.
 * Addresses whose sessions wait to be resumed have a reserve that strangers can't fill.
 */
export class PendingTable<Opening> {
  readonly #openingsMax: number;
  readonly #perAddressMax: number;
  readonly #sources = new Map<Opening, string>();
  readonly #strangers = new Set<Opening>(); // Oldest first, as all these.
  readonly #returning = new Set<Opening>();
  readonly #bySource = new Map<string, Set<Opening>>();

  constructor({
    openingsMax = LIMITS.openingsMax,
    openingsPerAddressMax = LIMITS.openingsPerAddressMax,
  }: Pick<Limits, 'openingsMax' | 'openingsPerAddressMax'> = {}) {
    this.#openingsMax = openingsMax;
    this.#perAddressMax = openingsPerAddressMax;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** @param isAwaited a session from this address waits for its peer */
  enter(opening: Opening, remoteAddress: string, isAwaited = false): PendingAdmission<Opening> {
    const source = addressKeyOf(remoteAddress);
    const peers = isAwaited ? this.#returning : this.#strangers;
    const max = isAwaited ? Math.ceil(this.#openingsMax / RESERVE_SHARE) : this.#openingsMax;
    const full = this.#fullOf(source) ?? (peers.size >= max ? peers : undefined);
    const [oldest] = full ?? [];
    if (oldest !== undefined) this.leave(oldest);
    const group = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, group.add(opening));
    this.#sources.set(opening, source);
    peers.add(opening);
    return oldest === undefined ? { word: 'admit' } : { word: 'evict-oldest', oldest };
  }

  /** It was identified, refused or closed. Safe for one that has left. */
  leave(opening: Opening): void {
    const source = this.#sources.get(opening);
    if (source === undefined) return;
    this.#sources.delete(opening);
    this.#strangers.delete(opening);
    this.#returning.delete(opening);
    const group = this.#bySource.get(source);
    if (group?.delete(opening) === true && group.size === 0) this.#bySource.delete(source);
  }

  /** The openings of an address that has as many as it may; loopback has no bound of its own. */
  #fullOf(source: string): Set<Opening> | undefined {
    const group = source === '' ? undefined : this.#bySource.get(source);
    return group !== undefined && group.size >= this.#perAddressMax ? group : undefined;
  }
}

/** The host of `host:port` or `[host]:port`, without brackets; an IPv4 address stays one inside IPv6 clothes. */
export function hostOf(address: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(address)?.[1];
  const host = bracketed ?? (/^[^:]*:[^:]*$/.test(address) ? address.slice(0, address.indexOf(':')) : address);
  return host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The key that a host is counted by: '' for this machine, and for names without a network, as the memory transport has them. */
export function addressKeyOf(remoteAddress: string): string {
  const host = hostOf(remoteAddress);
  return isLoopbackHost(host) || !/[.:]/.test(host) ? '' : sourceOf(host);
}

/** The addresses that one attacker has for free: an IPv4 address, or the /64 that any IPv6 subscriber gets. */
function sourceOf(host: string): string {
  if (!host.includes(':')) return host;
  const [head = '', tail] = host.toLowerCase().replace(/%.*$/, '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
