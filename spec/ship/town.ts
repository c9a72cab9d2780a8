import { Hub, memoryTrust, type HubOptions, type HubReader } from '../../adapters/ship/index.js';
import type { Announcement } from '../../adapters/ship/discovery.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { CALM } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';
import { Board } from './nodes.js';
import { asWebSocket, serviceOf } from './world.js';

/** A hub of the town, what its discovery shows and was told to show, and its reader's calls in order. */
export interface Citizen {
  readonly hub: Hub;
  readonly board: Board;
  readonly announced: Announcement[];
  readonly story: string[];
}

/** The letter of a hub, which has to be a hex digit, is its SKI. */
export const skiOf = (name: string): string => name.repeat(40);

/** Hubs on a calm network and on virtual time. */
export class Town {
  readonly clock = new SimClock();
  readonly random = new SeededRandom(7);
  readonly network = new SimNetwork(this.clock, this.random, { ...CALM, boundaries: 'message', pack: false });

  async hub(name: string, options: Partial<HubOptions> = {}, reader: HubReader = {}): Promise<Citizen> {
    const { clock, random, network } = this;
    const announced: Announcement[] = [];
    const board = Object.assign(new Board(), { announce: (what: Announcement) => void announced.push(what) });
    const story: string[] = [];
    const hub: Hub = new Hub(
      {
        ski: skiOf(name),
        shipId: `id-${name}`,
        transports: [asWebSocket(network.transport(name, { identity: { fingerprint: 'f'.repeat(64), ski: skiOf(name) } }))],
        listen: [`wss://${name}:1/ship/`],
        discovery: board,
        ports: { clock, random: random.next, entropy: random.bytes },
        ...options,
      },
      {
        serviceConnectionStateChanged: (ski, state) => story.push(`${ski[0]} ${state}`),
        remoteSKIConnected: (ski) => story.push(`${ski[0]} connected`),
        remoteSKIDisconnected: (ski, { code }) => story.push(`${ski[0]} disconnected ${code}`),
        allowWaitingForTrust: () => true,
        ...reader,
      },
    );
    const started = hub.start();
    clock.advance(1);
    await started;
    return { hub, board, announced, story };
  }
}
/** Trust in the hubs of these names. */
export const trusting = (...names: string[]): ReturnType<typeof memoryTrust> =>
  memoryTrust(names.map((name) => ({ ski: skiOf(name) })));
/** Shows a hub another one. */
export const see = ({ board }: Citizen, name: string, isVisible = true): void =>
  board.put({ ...serviceOf(name, skiOf(name)), isVisible });
