import type { Command } from 'commander';
import { tcp } from '../../transports/tcp.js';
import { createNode, makeNodeKey, type RendezvousNode } from '../rendezvous/index.js';
import { recordNode } from './recording.js';
import { FaultTransport } from './fault-transport.js';
import { Failed, onInterrupt, Output, wholeOf } from './cli-output.js';

export interface RendezvousOptions {
  readonly nodes: number;
}

/** The last line of `--json`. */
export interface RendezvousSummary {
  readonly nodes: number;
  /** Connections once all had found each other, after the contact had died, and after all links had been torn. */
  readonly together: number;
  readonly withoutContact: number;
  readonly togetherAgain: number;
  readonly cut: number;
  readonly seconds: number;
}

export function rendezvousCommand(program: Command): void {
  program
    .command('rendezvous')
    .description('runs local nodes that find each other through one contact, lose it, lose all peers, and reconnect')
    .option('--nodes <n>', 'the number of nodes', wholeOf(3, 50), 5)
    .option('--json', 'print one JSON object per line, the summary last')
    .action(async (options: RendezvousOptions & { readonly json?: boolean }) => {
      await rendezvous(options, new Output(options.json ?? false, true));
    });
}

/** How long one act may take: each node meets all others, one after the other. Twenty took 15 s on a busy machine with two cores. */
const patienceMs = (nodes: number): number => 30_000 + nodes * 2_000;

/** Each pair of them. */
const pairs = (nodes: number): number => (nodes * (nodes - 1)) / 2;

export async function rendezvous({ nodes: count }: RendezvousOptions, output: Output): Promise<RendezvousSummary> {
  const stage = new Stage(count);
  const stopListening = onInterrupt(() => stage.close());
  const began = performance.now();
  try {
    await stage.begin();
    output.say(`${count} nodes in this process, each with its own key. They know the addresses of the first two.`);
    const together = await stage.until(count, pairs(count));
    output.tell({ event: 'together', connections: together });
    output.say(`  all nodes are connected  ${stage.picture()}`);

    await stage.killContact();
    const withoutContact = await stage.until(count - 1, pairs(count - 1));
    output.tell({ event: 'contact-died', connections: withoutContact });
    output.say(`  after the contact ended  ${stage.picture()}`);

    const cut = await stage.cut();
    output.tell({ event: 'cut', ends: cut });
    output.say(`  all links were cut       every node was disconnected`);
    const togetherAgain = await stage.until(count - 1, pairs(count - 1));
    output.tell({ event: 'together-again', connections: togetherAgain });
    output.say(`  all have reconnected     ${stage.picture()}`);

    const seconds = Math.round(performance.now() - began) / 1000;
    const summary = { nodes: count, together, withoutContact, togetherAgain, cut, seconds };
    output.tell(summary);
    output.say('');
    output.say(`Each pair had one connection each time. ${seconds} s.`);
    return summary;
  } finally {
    stopListening();
    await stage.close();
  }
}

/** The nodes, and the plug that can be pulled. */
class Stage {
  readonly transport = new FaultTransport(tcp());
  readonly #nodes: RendezvousNode[] = [];
  #look: (() => void) | undefined;

  constructor(readonly count: number) {}

  async begin(): Promise<void> {
    const contacts: string[] = [];
    for (let n = 0; n < this.count; n++) {
      const node = createNode({
        key: makeNodeKey(),
        transports: [this.transport],
        listen: ['tcp://127.0.0.1:0'],
        contacts: () => contacts,
        // One machine is near: what takes half a minute between continents may take half a second here.
        limits: { refreshMs: 500, bootstrapBaseMs: 50, bootstrapCapMs: 500, repeatFilterMs: 500, askTimeoutMs: 5000, peersWanted: this.count }, // prettier-ignore
      });
      this.#nodes.push(node);
      await recordNode(node, `node ${n + 1}`);
      node.on(() => this.#look?.());
      await node.start();
      if (n < 2) contacts.push(node.engine.addresses[0]!);
    }
  }

  /** Resolves with the number of connections once so many nodes have them, each of them both ends. */
  until(nodes: number, connections: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Failed(`Not together within ${patienceMs(this.count) / 1000} s: ${this.picture()}`)),
        patienceMs(this.count),
      );
      this.#look = () => {
        const ends = this.#alive.map(({ peers }) => peers.length);
        if (ends.length !== nodes || ends.some((each) => each !== nodes - 1)) return;
        clearTimeout(timer);
        this.#look = undefined;
        resolve(ends.reduce((sum, each) => sum + each, 0) / 2 === connections ? connections : NaN);
      };
      setImmediate(() => this.#look?.());
    });
  }

  /** The one that all have bootstrapped from. */
  async killContact(): Promise<void> {
    await this.#nodes[0]!.terminate({ deadlineMs: 0 });
  }

  /** Tears all links; resolves once each node has been alone. */
  async cut(): Promise<number> {
    const alone = this.#alive.map(
      (node) =>
        new Promise<void>((resolve) => {
          const off = node.on((news) => {
            if (news.type !== 'phase' || news.phase !== 'disconnected') return;
            off();
            resolve();
          });
        }),
    );
    const ends = this.transport.cut();
    await Promise.all(alone);
    return ends;
  }

  /** One word a node: how many others it is connected with. */
  picture(): string {
    return this.#nodes
      .map(
        ({ id, phase, peers }) =>
          `${id.slice(0, 4)}:${phase === 'connected' ? peers.length : phase === 'terminated' ? '†' : '…'}`,
      )
      .join('  ');
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.terminate()));
  }

  get #alive(): RendezvousNode[] {
    return this.#nodes.filter(({ phase }) => phase !== 'terminated');
  }
}
