import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { SessionError } from '../../machines/errors.js';
import { questionPackets, type DnsQuestion } from './dns-question.js';

export type { DnsQuestion };

/** The DNS resource records that services need. */
export type DnsRecord = { readonly name: string; readonly ttl: number; readonly flush?: boolean } & (
  | { readonly type: 'PTR'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: { readonly target: string; readonly port: number } }
  | { readonly type: 'TXT'; readonly data: readonly Uint8Array[] }
  | { readonly type: 'A' | 'AAAA'; readonly data: string }
);

/** Multicast DNS on the wire: sends and receives packets, and keeps no state. */
export interface MdnsNetwork {
  ask(questions: readonly DnsQuestion[]): void;
  /** Settles when the packet has left, or can't leave. */
  tell(records: readonly DnsRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface MdnsHandler {
  onQuestions(questions: readonly DnsQuestion[]): void;
  /** Answers and additional records of one packet. */
  onRecords(records: readonly DnsRecord[]): void;
  /** The network was lost, and is closed already. Called at most once. */
  onLost(error: Error): void;
}

/** Opens the network, or rejects. Calls nothing of the handler before it has settled. */
export type OpenMdns = (handler: MdnsHandler) => Promise<MdnsNetwork>;

/** The group of multicast DNS over IPv4. */
const GROUP = '224.0.0.251';
const PORT = 5353;

export interface MdnsNetworkOptions {
  /** IPv4 address of the one interface to use. Default: all. */
  readonly interface?: string;
  /** Default 5353, the standard port. */
  readonly port?: number;
}

/**
 * Multicast DNS by the package `multicast-dns`, which is optional. It speaks IPv4 (224.0.0.251), which is enough to learn
 * IPv6 addresses too, and shares port 5353 with other responders of the host.
 */
export function mdnsNetwork(options: MdnsNetworkOptions = {}): OpenMdns {
  return async (handler) => {
    const makeMdns = await library();
    return new Promise((resolve, reject) => {
      const socket = createSocket({ type: 'udp4', reuseAddr: true });
      // Bound to all addresses in any case: a socket bound to one receives no multicast.
      const mdns = makeMdns({ ...options, socket, bind: '0.0.0.0' });
      let state: 'opening' | 'open' | 'closed' = 'opening';
      const close = (): Promise<void> => {
        if (state === 'closed') return Promise.resolve();
        state = 'closed';
        return new Promise((closed) => mdns.destroy(() => closed()));
      };
      const fail = (error: Error): void => {
        const was = state;
        void close();
        if (was === 'opening') reject(error);
        else if (was === 'open') handler.onLost(error);
      };
      mdns.on('error', fail);
      mdns.on('query', ({ questions }) => {
        if (state === 'open') handler.onQuestions((questions ?? []).flatMap(questionOf));
      });
      mdns.on('response', ({ answers, additionals }) => {
        if (state === 'open') handler.onRecords([...(answers ?? []), ...(additionals ?? [])].flatMap(recordOf));
      });
      mdns.on('ready', () => {
        if (state !== 'opening') return;
        state = 'open';
        resolve({
          ask: (questions) => {
            if (state !== 'open') return;
            for (const packet of questionPackets(questions)) socket.send(packet, options.port ?? PORT, GROUP, () => undefined);
          },
          tell: (records) => new Promise((told) => mdns.respond({ answers: records.map(answerOf) }, () => told())),
          close,
        });
      });
    });
  };
}

/**
 * Networks that end on this host, by the names that their makers give them: bridges and virtual cables of containers and virtual
 * machines. No other host can reach an address there.
 */
const INWARD =
  /^(docker|br-[0-9a-f]{12}|veth|cni|flannel|cali|cilium|lxc|lxd|incus|virbr|vnet|podman|kube|nerdctl|vmnet|vboxnet|bridge1\d\d|vEthernet \((WSL|Default Switch|nat|DockerNAT))/i;

/**
 * Addresses of this host that other hosts can reach, and that change with its networks: neither loopback nor link-local ones, and
 * none of bridges for containers.
 *
 * @param allowed interfaces by name, or by one of their addresses; then only these, of any kind. Default: all but the above
 */
export function hostAddresses(
  allowed?: readonly string[],
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): readonly string[] {
  return Object.entries(interfaces)
    .filter(([name, addresses = []]) =>
      allowed === undefined
        ? !INWARD.test(name)
        : allowed.includes(name) || addresses.some(({ address }) => allowed.includes(address)),
    )
    .flatMap(([, addresses = []]) => addresses)
    .filter(({ internal, address }) => (!internal || allowed !== undefined) && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
}

/** One network per address of the allowed interfaces, combined: each packet goes out on all of them. */
export function mdnsNetworks(allowed: readonly string[]): OpenMdns {
  return async (handler) => {
    const v4 = hostAddresses(allowed).filter((each) => !each.includes(':'));
    if (v4.length === 0) throw new Error(`none of the interfaces ${allowed.join(', ')} has an IPv4 address`);
    const open: MdnsNetwork[] = [];
    const closeAll = async (): Promise<void> => void (await Promise.all(open.map((each) => each.close())));
    let isLost = false;
    const onLost = (error: Error): void => {
      if (isLost) return;
      isLost = true;
      void closeAll().then(() => handler.onLost(error));
    };
    try {
      for (const address of v4) open.push(await mdnsNetwork({ interface: address })({ ...handler, onLost }));
    } catch (error) {
      await closeAll();
      throw error;
    }
    return {
      ask: (questions) => open.forEach((each) => each.ask(questions)),
      tell: async (records) => void (await Promise.all(open.map((each) => each.tell(records)))),
      close: closeAll,
    };
  };
}

type Library = typeof import('multicast-dns');
type Answer = NonNullable<import('multicast-dns').ResponsePacket['answers']>[number];

async function library(): Promise<Library> {
  try {
    return (await import('multicast-dns')).default;
  } catch (cause) {
    throw new SessionError('bad-option', 'discovery by mDNS needs the package multicast-dns', { cause });
  }
}

const TYPES = ['PTR', 'SRV', 'TXT', 'A', 'AAAA', 'ANY'] as const;

function questionOf({ name, type }: { readonly name: string; readonly type: string }): DnsQuestion[] {
  const known = TYPES.find((each) => each === type);
  return known === undefined ? [] : [{ name, type: known }];
}

/** Converts a decoded record of the package; an empty list for records that are of no use here. */
function recordOf(answer: Answer): DnsRecord[] {
  if (answer.type === 'OPT' || !('ttl' in answer)) return [];
  const { name, ttl = 0, flush = false } = answer as { name: string; ttl?: number; flush?: boolean };
  switch (answer.type) {
    case 'PTR':
      return [{ name, ttl, flush, type: 'PTR', data: answer.data }];
    case 'SRV':
      return [{ name, ttl, flush, type: 'SRV', data: { target: answer.data.target, port: answer.data.port } }];
    case 'TXT': {
      const strings = Array.isArray(answer.data) ? answer.data : [answer.data];
      return [{ name, ttl, flush, type: 'TXT', data: strings.map((each) => Buffer.from(each as Uint8Array)) }];
    }
    case 'A':
    case 'AAAA':
      return [{ name, ttl, flush, type: answer.type, data: answer.data }];
    default:
      return [];
  }
}

function answerOf(record: DnsRecord): Answer {
  if (record.type !== 'TXT') return { ...record, class: 'IN' } as Answer;
  return { ...record, class: 'IN', data: record.data.map((each) => Buffer.from(each)) };
}
