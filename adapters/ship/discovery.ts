import type { Resolver } from '../../machines/ports.js';

/** A SHIP service as discovery reports it; TXT members by their names in the standard. */
export interface RemoteService {
  /** 40 lower-case hex digits. */
  readonly ski: string;
  readonly shipId?: string;
  /** The instance name, for people. */
  readonly name?: string;
  /** Host name, e.g. `wallbox.local`. */
  readonly host?: string;
  /** IPv4 and IPv6 addresses, without brackets. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Default `/ship/`. */
  readonly path?: string;
  readonly brand?: string;
  readonly model?: string;
  readonly type?: string;
  readonly serial?: string;
  /** Device categories, 1 to 7. */
  readonly categories?: readonly number[];
  /** Whether it accepts every device. */
  readonly isRegistering: boolean;
  /** False: it was seen before, and is not announced at the moment. It is dialed all the same. */
  readonly isVisible: boolean;
}

/** The parts of an announcement that only the running node knows. A provider gets the others when it is made. */
export interface Announcement {
  /** As bound, e.g. `wss://[::]:4711/ship/`. */
  readonly addresses: readonly string[];
  readonly isRegistering: boolean;
}

/** Finds peers. Answers come from memory; this object restarts its provider where necessary. */
export interface Discovery {
  /** Everything seen, visible or known from before; not this node itself. */
  entries(): readonly RemoteService[];
  find(ski: string): RemoteService | undefined;
  /** Told of all entries, now and after each change. The result ends it. */
  subscribe(listener: (services: readonly RemoteService[]) => void): () => void;
  /** Shows this node to others, or changes what is shown. Absent where the node is not announced. */
  announce?(announcement: Announcement): Promise<void> | void;
  close(): Promise<void>;
}

/**
 * Where to dial a service, in ship-go's order: by host name, IPv4, IPv6; each with its path and then without one. IPv6
 * addresses that mean nothing off their link are left out.
 */
export function candidatesOf({ host, addresses, port, path = '/ship/' }: RemoteService): string[] {
  const v4 = addresses.filter((each) => !each.includes(':'));
  const v6 = addresses.filter((each) => each.includes(':') && !/^fe[89ab]/i.test(each)).map((each) => `[${each}]`);
  const hosts = [...(host === undefined ? [] : [host.replace(/\.$/, '')]), ...v4, ...v6];
  return hosts.flatMap((each) => [`wss://${each}:${port}${path}`, ...(path === '/' ? [] : [`wss://${each}:${port}/`])]);
}

/** For an engine: a peer's SKI to the addresses of its service. */
export function discoveryResolver(
  discovery: Pick<Discovery, 'find'>,
  addressesOf: (service: RemoteService) => string[] = candidatesOf,
): Resolver {
  return {
    resolve: (ski, answer) => {
      const found = discovery.find(ski);
      if (found === undefined) answer([], `no device announces the SKI ${ski}`);
      else answer(addressesOf(found));
      return () => {};
    },
  };
}
