import {
  Hub,
  type Discovery,
  type HubOptions,
  type HubReader,
  type RemoteService,
  type ShipPayload,
} from '../../adapters/ship/index.js';
import type { OwnIdentity } from '../../adapters/identity/index.js';
import { shipTransport } from '../../transports/ship.js';

const hubs: Hub[] = [];

/** Ends every hub that was made since the last call. */
export async function endHubs(): Promise<void> {
  await Promise.all(hubs.splice(0).map((hub) => hub.shutdown()));
}

/** Where tests of a file put what ends what they have begun. After each test all of it ends, the latest first, and then every hub. */
export function endsAfterEach(): (() => unknown)[] {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await endHubs();
  });
  return ends;
}

/** Entries by hand. */
export class Board implements Discovery {
  services: RemoteService[] = [];
  #listeners = new Set<(services: readonly RemoteService[]) => void>();
  entries = (): readonly RemoteService[] => this.services;
  find = (ski: string): RemoteService | undefined => this.services.find((each) => each.ski === ski);
  subscribe(listener: (services: readonly RemoteService[]) => void): () => void {
    this.#listeners.add(listener);
    listener(this.services);
    return () => this.#listeners.delete(listener);
  }
  close = (): Promise<void> => Promise.resolve();
  /** Announces a peer, or announces it elsewhere. */
  show(ski: string, port: number): void {
    this.put({ ski, addresses: ['127.0.0.1'], port, isRegistering: false, isVisible: true });
  }
  /** The same for any entry. */
  put(service: RemoteService): void {
    this.services = [...this.services.filter((each) => each.ski !== service.ski), service];
    for (const listener of this.#listeners) listener(this.services);
  }
}

/** A hub at a port of its own, what it told its reader, and what it got. */
export interface Node {
  readonly hub: Hub;
  readonly board: Board;
  readonly story: string[];
  readonly got: ShipPayload[];
  readonly port: number;
  /** Shows it a peer. */
  see(other: Node): void;
  until(word: string, times?: number): Promise<void>;
}

export async function node(
  identity: OwnIdentity,
  shipId: string,
  options: Partial<HubOptions> = {},
  reader: HubReader = {},
): Promise<Node> {
  const board = new Board();
  const story: string[] = [];
  const got: ShipPayload[] = [];
  const waiting: (() => void)[] = [];
  const tell = (word: string): void => {
    story.push(word);
    for (const wake of waiting.splice(0)) wake();
  };
  const hub: Hub = new Hub(
    {
      ski: identity.ski!,
      shipId,
      transports: [shipTransport({ identity })],
      listen: ['wss://127.0.0.1:0/ship/'],
      discovery: board,
      ...options,
    },
    {
      serviceConnectionStateChanged: (_, state) => tell(`state ${state}`),
      remoteSKIConnected: () => tell(`connected, count ${hub.getConnectionCount()}`),
      remoteSKIDisconnected: (ski, closing) =>
        tell(
          `disconnected ${closing.code}, count ${hub.getConnectionCount()}, ${hub.getConnection(ski) === undefined ? 'gone' : 'there'}`,
        ),
      serviceShipIDUpdate: (_, id) => tell(`id ${id}`),
      setupRemoteDevice: () => {
        tell('setup');
        return (message) => {
          got.push(message);
          tell('data');
        };
      },
      allowWaitingForTrust: () => true,
      ...reader,
    },
  );
  hubs.push(hub);
  await hub.start();
  const until = async (word: string, times = 1): Promise<void> => {
    while (story.filter((each) => each.startsWith(word)).length < times)
      await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const port = Number(new URL(hub.engine.addresses[0]!.replace('wss', 'https')).port);
  return { hub, board, story, got, port, until, see: (other) => board.show(other.hub.ski, other.port) };
}
