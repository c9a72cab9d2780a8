import type { DnsQuestion, DnsRecord } from './mdns-network.js';

/** A service instance whose required records are all known and fresh. */
export interface Instance {
  /** The first label, for people: `Wallbox in the garage`. */
  readonly label: string;
  readonly target: string;
  readonly port: number;
  readonly txt: readonly Uint8Array[];
  readonly addresses: readonly string[];
}

interface Held {
  readonly record: DnsRecord;
  readonly expiresMs: number;
}

/** The maximum number of instances of one service, and of records in all; further ones are ignored. */
const INSTANCES_MAX = 256;
const RECORDS_MAX = 4096;
/** The maximum number of places, descriptions or addresses of one name. */
const ANSWERS_MAX = 32;
/** No record is meant to live longer (RFC 6762 recommends 75 minutes at most). */
const TTL_S_MAX = 4500;

/**
 * The received records of one kind of service (RFC 6763), each for its time to live. Pure: time is an argument, and questions for
 * missing records are a result.
 */
export class DnsCache {
  readonly #service: string;
  /** By name and type in lower case, then by data. */
  #held = new Map<string, Map<string, Held>>();
  #records = 0;

  /** @param service e.g. `_ship._tcp.local` */
  constructor(service: string) {
    this.#service = service.toLowerCase();
  }

  take(records: readonly DnsRecord[], nowMs: number): void {
    this.#expire(nowMs);
    const seen = new Set<string>();
    for (const record of [...records].sort(byUse)) {
      if (!this.#isOfUse(record)) continue;
      const key = keyOf(record.type, record.name);
      // A flush replaces all records of that name and type, except those of the same packet (RFC 6762, 10.2).
      if (record.flush === true && record.type !== 'PTR' && !seen.has(key)) this.#drop(key);
      seen.add(key);
      this.#put(key, record, nowMs);
    }
  }

  /** Instances with place and description; addresses as far as they are known. */
  instances(nowMs: number): Instance[] {
    this.#expire(nowMs);
    return this.#names().flatMap((name) => {
      const srv = this.#newest('SRV', name);
      const txt = this.#newest('TXT', name);
      if (srv?.type !== 'SRV' || txt?.type !== 'TXT') return [];
      const { target, port } = srv.data;
      return [{ label: labelOf(name, this.#service), target, port, txt: txt.data, addresses: this.#addresses(target) }];
    });
  }

  /** The questions whose answers complete every instance. */
  missing(nowMs: number): DnsQuestion[] {
    this.#expire(nowMs);
    return this.#names().flatMap((name): DnsQuestion[] => {
      const srv = this.#newest('SRV', name);
      const questions: DnsQuestion[] = [];
      const about = { name, ...labelsOf(name, this.#service) };
      if (srv === undefined) questions.push({ ...about, type: 'SRV' });
      if (this.#newest('TXT', name) === undefined) questions.push({ ...about, type: 'TXT' });
      if (srv?.type !== 'SRV' || this.#addresses(srv.data.target).length > 0) return questions;
      return [...questions, { name: srv.data.target, type: 'A' }, { name: srv.data.target, type: 'AAAA' }];
    });
  }

  /** When the next record expires. */
  nextExpiry(): number | undefined {
    let next: number | undefined;
    for (const held of this.#held.values()) {
      for (const { expiresMs } of held.values()) if (next === undefined || expiresMs < next) next = expiresMs;
    }
    return next;
  }

  /** Names in their original spelling, in the order in which they were first received. */
  #names(): string[] {
    return this.#all('PTR', this.#service).flatMap((record) => (record.type === 'PTR' ? [record.data] : []));
  }

  #addresses(target: string): string[] {
    return [...this.#all('A', target), ...this.#all('AAAA', target)].map(({ data }) => data as string);
  }

  /** True for services of this kind, and for records that these refer to. */
  #isOfUse({ type, name, data }: DnsRecord): boolean {
    const lower = name.toLowerCase();
    if (type === 'PTR') return lower === this.#service && data.toLowerCase().endsWith(`.${this.#service}`);
    if (type === 'SRV' || type === 'TXT') return lower.endsWith(`.${this.#service}`);
    return this.#names().some((each) => {
      const srv = this.#newest('SRV', each);
      return srv?.type === 'SRV' && srv.data.target.toLowerCase() === lower;
    });
  }

  #put(key: string, record: DnsRecord, nowMs: number): void {
    const held = this.#held.get(key) ?? new Map<string, Held>();
    const data = dataKeyOf(record);
    const isNew = !held.has(data);
    if (isNew && (this.#records >= RECORDS_MAX || held.size >= (record.type === 'PTR' ? INSTANCES_MAX : ANSWERS_MAX))) return;
    // A place or a description that is received again counts as the newest; instances keep their order.
    if (!isNew && record.type !== 'PTR') held.delete(data);
    if (isNew) this.#records++;
    // A goodbye has a time to live of 0: it has expired at the next read.
    held.set(data, { record, expiresMs: nowMs + Math.min(record.ttl, TTL_S_MAX) * 1000 });
    this.#held.set(key, held);
  }

  #drop(key: string): void {
    this.#records -= this.#held.get(key)?.size ?? 0;
    this.#held.delete(key);
  }

  #expire(nowMs: number): void {
    for (const [key, held] of this.#held) {
      for (const [data, { expiresMs }] of held) {
        if (expiresMs > nowMs) continue;
        held.delete(data);
        this.#records--;
      }
      if (held.size === 0) this.#held.delete(key);
    }
  }

  #all(type: DnsRecord['type'], name: string): DnsRecord[] {
    return [...(this.#held.get(keyOf(type, name))?.values() ?? [])].map(({ record }) => record);
  }

  #newest(type: DnsRecord['type'], name: string): DnsRecord | undefined {
    return this.#all(type, name).at(-1);
  }
}

/** Addresses come last: they are of use only once the place that refers to them is known, wherever they are in the packet. */
const ORDER = ['PTR', 'SRV', 'TXT', 'A', 'AAAA'];
function byUse(a: DnsRecord, b: DnsRecord): number {
  return ORDER.indexOf(a.type) - ORDER.indexOf(b.type);
}

function keyOf(type: string, name: string): string {
  return `${type} ${name.toLowerCase()}`;
}

function dataKeyOf(record: DnsRecord): string {
  switch (record.type) {
    case 'PTR':
      return record.data.toLowerCase();
    case 'SRV':
      return `${record.data.port} ${record.data.target.toLowerCase()}`;
    case 'TXT':
      return record.data.map((each) => Buffer.from(each).toString('base64')).join();
    default:
      return record.data;
  }
}

function labelOf(name: string, service: string): string {
  return name.slice(0, -service.length - 1);
}

/** The name of an instance is one label before those of the service, even if it contains dots. */
function labelsOf(name: string, service: string): Pick<DnsQuestion, 'labels'> {
  const label = labelOf(name, service);
  return label.includes('.') ? { labels: [label, ...name.slice(label.length + 1).split('.')] } : {};
}
