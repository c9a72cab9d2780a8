import type { Clock, Random } from '../../machines/ports.js';
import { txtStrings, type ShipTxt } from './txt-record.js';
import type { DnsQuestion, DnsRecord, MdnsNetwork } from './mdns-network.js';

/** The announcement of this node. */
export interface Advertisement {
  /** For people; replaced by another one if it is not unique in the network. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly txt: ShipTxt;
}

/** The value of ship-go; RFC 6762, 10 recommends it for records that name a host. */
const TTL_S = 120;
/** Time between two announcements (RFC 6762, 8.3), and least time between two answers of the same (6). */
const REPEAT_MS = 1000;
/** One label of a DNS name. */
const LABEL_BYTES_MAX = 63;
const SERVICES = '_services._dns-sd._udp.local';

/** Announces this node: twice unsolicited, then as an answer at most once a second, with a goodbye at the end. */
export class MdnsAdvertiser {
  #records: readonly DnsRecord[] = [];
  #network: MdnsNetwork | undefined;
  #timer: unknown;
  #repeats = 0;
  #toldMs = -Infinity;

  constructor(
    readonly service: string,
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  /** Sets the advertisement; undefined for none. Records of another name are withdrawn. */
  show(advertisement: Advertisement | undefined): void {
    const next = advertisement === undefined ? [] : recordsOf(advertisement, this.service);
    const gone = this.#records.filter(
      (old) => isOurs(old) && !next.some(({ name, type }) => name === old.name && type === old.type),
    );
    this.#records = next;
    if (gone.length > 0) void this.#network?.tell(gone.map((each) => ({ ...each, ttl: 0 })));
    this.#announce();
  }

  attach(network: MdnsNetwork): void {
    this.#network = network;
    this.#announce();
  }

  detach(): void {
    this.#network = undefined;
    this.#stop();
  }

  answer(questions: readonly DnsQuestion[]): void {
    const isAsked = questions.some(({ name, type }) =>
      this.#records.some((each) => (type === 'ANY' || type === each.type) && each.name.toLowerCase() === name.toLowerCase()),
    );
    if (!isAsked || this.#timer !== undefined) return;
    // After a random delay: other nodes answer the same question (RFC 6762, 6).
    const politeMs = 20 + 100 * this.random();
    this.#tellIn(Math.max(politeMs, this.#toldMs + REPEAT_MS - this.clock.now()));
  }

  /** Leaves the name to another node, without a goodbye, which would withdraw the other's records. */
  cede(): void {
    this.#stop();
    this.#records = [];
  }

  /** Whether another node has our name. */
  isContested(records: readonly DnsRecord[]): boolean {
    const ours = this.#records.find((each) => each.type === 'SRV');
    if (ours?.type !== 'SRV') return false;
    const { name, data } = ours;
    return records.some(
      (each) => each.type === 'SRV' && each.ttl > 0 && equal(each.name, name) && !equal(each.data.target, data.target),
    );
  }

  /** Sends a goodbye. Settles when that has left. */
  async withdraw(): Promise<void> {
    this.#stop();
    const farewell = this.#records.filter(isOurs).map((each) => ({ ...each, ttl: 0 }));
    this.#records = [];
    if (farewell.length > 0) await this.#network?.tell(farewell);
  }

  #announce(): void {
    this.#stop();
    if (this.#records.length === 0 || this.#network === undefined) return;
    this.#repeats = 1;
    this.#tell();
  }

  #tell(): void {
    this.#toldMs = this.clock.now();
    void this.#network?.tell(this.#records);
    if (this.#repeats-- > 0) this.#tellIn(REPEAT_MS);
  }

  #tellIn(delayMs: number): void {
    this.#timer = this.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, delayMs);
  }

  #stop(): void {
    this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#repeats = 0;
  }
}

/** One label: without dots, which separate labels, and within the maximum length of a label. */
export function labelOf(text: string): string {
  let label = '';
  for (const character of text.replace(/[.\p{Cc}]/gu, '-')) {
    if (Buffer.byteLength(label + character) > LABEL_BYTES_MAX) break;
    label += character;
  }
  return label;
}

function recordsOf({ label, host, port, addresses, txt }: Advertisement, service: string): DnsRecord[] {
  const name = `${labelOf(label)}.${service}`;
  const [shared, unique] = [{ ttl: TTL_S }, { ttl: TTL_S, flush: true }];
  return [
    { ...shared, name: service, type: 'PTR', data: name },
    { ...shared, name: SERVICES, type: 'PTR', data: service },
    { ...unique, name, type: 'SRV', data: { target: host, port } },
    { ...unique, name, type: 'TXT', data: txtStrings(txt).map((each) => Buffer.from(each)) },
    ...addresses.map((data): DnsRecord => ({ ...unique, name: host, type: data.includes(':') ? 'AAAA' : 'A', data })),
  ];
}

/** True for records of this node alone: other responders may announce the addresses, and do announce the list of kinds. */
function isOurs({ type, name }: DnsRecord): boolean {
  return name !== SERVICES && type !== 'A' && type !== 'AAAA';
}

function equal(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
