import { createNode, signedMessages, rendezvousFrames as frames } from '../../adapters/rendezvous/index.js';
import type { NodeOptions, RendezvousNode, Signing } from '../../adapters/rendezvous/index.js';
import type { Wire, WireCause } from '../../machines/ports.js';
import type { Hello, SigningContext } from '../../machines/rendezvous/rendezvous.messages.js';
import { SimClock } from '../sim/clock.js';
import { hear, live } from '../sim/living.js';
import { SimNetwork } from '../sim/network.js';
import { CALM, type SimNetworkOptions } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';
import { pretended, real } from '../sim/rendezvous-keys.js';

export interface HostOptions extends Partial<Omit<NodeOptions, 'key'>> {
  readonly key?: Signing;
}

/** Nodes on one network, on virtual time. */
export class Hosts {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly nodes: RendezvousNode[] = [];

  constructor(seed = 1, network: SimNetworkOptions = CALM) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), network);
  }

  /** A node at `sim://<name>:1`, not started. Real keys unless it brings its own. */
  make(name: string, { key = real(), ...options }: HostOptions = {}): RendezvousNode {
    const own = this.random.split(name);
    const clock = this.clock.process();
    const node = createNode({
      key,
      transports: [this.network.transport(name, { process: clock })],
      listen: [`sim://${name}:1`],
      ports: { clock, random: own.next, entropy: own.bytes },
      ...options,
    });
    this.nodes.push(node);
    return node;
  }

  start(name: string, options?: HostOptions): RendezvousNode {
    const node = this.make(name, options);
    void node.start();
    this.clock.settle();
    return node;
  }

  /** Keys whose ids are in this order. */
  keys(count: number): Signing[] {
    return Array.from({ length: count }, () => pretended(this.random)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Lives through so many milliseconds, and hears what promises say. */
  live(ms: number): Promise<void> {
    return live(this.clock, ms);
  }

  async until(isMet: () => boolean, withinMs = 60_000): Promise<void> {
    const limitMs = this.clock.now() + withinMs;
    for (await hear(this.clock); !isMet(); await hear(this.clock))
      if (!this.clock.step(limitMs)) throw new Error(`nothing more happens: ${isMet.toString()}`);
  }

  /** Ends all and says what is left: nothing, it should be. */
  async end(): Promise<object> {
    for (const node of this.nodes) void node.terminate();
    await this.live(30_000);
    const sum = (of: (node: RendezvousNode) => number): number => this.nodes.reduce((n, node) => n + of(node), 0);
    return {
      timers: this.clock.pending,
      links: this.network.links.size,
      tables: sum(({ sizes }) => sizes.expected + sizes.pending + sizes.routes + sizes.timers),
      connections: sum(({ engine }) => engine.metrics().connections + engine.metrics().wires + engine.metrics().openings),
    };
  }
}

export const NOTHING = { timers: 0, links: 0, tables: 0, connections: 0 };

/** A peer that says what the test likes, at one end of a wire to a node. */
export class Liar {
  readonly codec: ReturnType<typeof signedMessages>;
  readonly heard: Uint8Array[] = [];
  wire: Wire | undefined;
  cause: WireCause | undefined;
  readonly dialerChallenge = new Uint8Array(32).fill(7);
  acceptorChallenge: Uint8Array = new Uint8Array(32);
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    readonly hosts: Hosts,
    readonly name: string,
    readonly key: Signing = real(),
  ) {
    this.codec = signedMessages(key);
  }

  get id(): string {
    return this.codec.id;
  }
  get talk(): SigningContext {
    const { dialerChallenge, acceptorChallenge } = this;
    return { dialerChallenge, acceptorChallenge, speaker: 'dialer' };
  }

  /** Dials the node at this host, knocks, and takes its challenge. */
  async dialIn(at: string, words = this.codec.writeClientHello(this.dialerChallenge)): Promise<this> {
    this.hosts.network.transport(this.name).dial(`sim://${at}:1`)({
      onOpen: (wire) => {
        this.wire = wire;
        if (words.length > 0) wire.send(words);
      },
      onBytes: (bytes) => this.#hear(bytes),
      onDrain: () => {},
      onProbeAnswer: () => {},
      onClose: (cause) => (this.cause = cause),
    });
    await this.hosts.live(20);
    const challenge = this.heard.find((frame) => frames.handshakeFrame(frame, 0, frame.length) === 'challenge');
    if (challenge !== undefined) this.acceptorChallenge = this.codec.readChallenge(challenge, 0, challenge.length)!.challenge;
    return this;
  }

  hello(change: Partial<Hello> = {}): Hello {
    return {
      from: this.id,
      to: undefined,
      nonce: undefined,
      transport: 'sim',
      address: '',
      isClient: false,
      certificate: undefined,
      confirmedYou: false,
      ...change,
    };
  }

  async say(...frames: Uint8Array[]): Promise<this> {
    for (const frame of frames) this.wire?.send(new Uint8Array(frame));
    await this.hosts.live(20);
    return this;
  }
  sayHello(change: Partial<Hello> = {}): Promise<this> {
    return this.say(this.codec.writeHello(this.hello(change), this.talk));
  }
  /** All that it takes to be a peer. */
  async join(at: string, change: Partial<Hello> = {}): Promise<this> {
    await this.dialIn(at);
    await this.sayHello(change);
    return this.sayHello({ ...change, confirmedYou: true });
  }
  /** A message of the pool, as peers send posts. */
  post(bytes: Uint8Array): Promise<this> {
    const frame = new Uint8Array(4 + bytes.length);
    frames.putDataHead(frame, 0, bytes.length);
    frame.set(bytes, 4);
    return this.say(frame);
  }

  /** The code by which it was sent away, or how the wire ended. */
  get result(): string {
    for (const frame of this.heard)
      if (frames.kind(frame, 0, frame.length) === 'refused') return frames.refused(frame, 0, frame.length)!.code;
    return this.cause?.kind ?? 'nothing';
  }

  #hear(bytes: Uint8Array): void {
    let rest = Buffer.concat([this.#rest, bytes]);
    while (rest.length >= 4 && rest.length >= frames.frameBytes(rest, 0)) {
      const length = frames.frameBytes(rest, 0);
      this.heard.push(new Uint8Array(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
    this.#rest = rest;
  }
}
