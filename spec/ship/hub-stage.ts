import { Hub, memoryTrust, type HubOptions, type HubReader } from '../../adapters/ship/index.js';
import type { Acceptor, WireHandler } from '../../machines/ports.js';
import { SimClock } from '../sim/clock.js';
import { playedTransport } from '../sim/played-transport.js';
import { SeededRandom } from '../sim/random.js';
import { Board } from './nodes.js';
import { PlayedShipWire, SELF } from './played.js';

/** One dial of the hub: where to, when, and what the test makes of it. */
export interface PlayedDial {
  readonly address: string;
  readonly atMs: number;
  readonly handler: WireHandler;
  readonly wire: PlayedShipWire;
}

/** A whole hub on virtual time; every peer is the test. */
export class HubStage {
  readonly clock = new SimClock();
  readonly board = new Board();
  readonly dials: PlayedDial[] = [];
  readonly told: string[] = [];
  readonly hub: Hub;
  #acceptor: Acceptor | undefined;
  #dials = 0;
  #taken = 0; // Dials that `nextDial` has given.

  private constructor(peers: readonly string[], options: Partial<HubOptions>, reader: HubReader, seed: number) {
    const random = new SeededRandom(seed);
    const played = playedTransport(this.clock, 'message', {
      dialed: (handler, address) => {
        const ski = this.skiAt(address);
        const wire = new PlayedShipWire(handler, this.clock, { fingerprint: 'f'.repeat(64), ski });
        this.dials.push({ address, atMs: this.clock.now(), handler, wire });
        return wire;
      },
      listening: (acceptor) => (this.#acceptor = acceptor),
    });
    this.hub = new Hub(
      {
        ski: SELF,
        shipId: 'self-id',
        transports: [{ ...played, schemes: ['wss'] }],
        listen: ['wss://here:1/ship/'],
        discovery: this.board,
        trust: memoryTrust(peers.map((ski) => ({ ski }))),
        ports: { clock: this.clock, random: random.next, entropy: random.bytes },
        ...options,
      },
      {
        serviceConnectionStateChanged: (ski, state) => this.told.push(`${ski[0]} state ${state}`),
        remoteSKIConnected: (ski) => this.told.push(`${ski[0]} connected`),
        remoteSKIDisconnected: (ski, { code }) => this.told.push(`${ski[0]} disconnected ${code}`),
        dialingStopped: (ski, { code }, advice) => this.told.push(`${ski[0]} stopped ${code}: ${advice}`),
        connectionLimitReached: (ski, max) => this.told.push(`${ski[0]} waits for one of ${max} places`),
        ...reader,
      },
    );
  }

  static async of(
    peers: readonly string[],
    options: Partial<HubOptions> = {},
    reader: HubReader = {},
    seed = 1,
  ): Promise<HubStage> {
    const stage = new HubStage(peers, options, reader, seed);
    const started = stage.hub.start();
    stage.clock.settle();
    await started;
    return stage;
  }

  /** Whose certificate is shown at an address: `wss://a.local:1/` is that of the SKI aaaa…, unless the test says otherwise. */
  skiAt = (address: string): string => /^wss:\/\/(.)/.exec(address)![1]!.repeat(40);

  /** Discovery has the peer at this host, or has it there from now on. */
  announce(ski: string, host = `${ski[0]}.local`, isVisible = true): void {
    this.board.put({ ski, host, addresses: [], port: 1, path: '/', isRegistering: false, isVisible });
    this.clock.settle();
  }

  /** The first dial that was not given yet, however long that takes within a limit. */
  nextDial(withinMs = 30_000): PlayedDial {
    this.clock.runUntil(() => this.dials.length > this.#taken, { withinMs });
    return this.dials[this.#taken++]!;
  }

  /** Somebody comes in; undefined where it was sent away before the upgrade. */
  dialIn(ski: string): PlayedShipWire | undefined {
    let wire: PlayedShipWire | undefined;
    const identity = { fingerprint: 'f'.repeat(64), ski };
    this.#acceptor!.onOffer({
      remoteAddress: `10.0.${++this.#dials}.1:1`,
      identity,
      open: (handler) => {
        wire = new PlayedShipWire(handler, this.clock, identity);
        return () => wire!.destroy();
      },
      refuse: ({ code }) => this.told.push(`${ski[0]} refused ${code}`),
    });
    this.clock.settle();
    return wire?.open();
  }

  async end(): Promise<void> {
    const over = this.hub.shutdown();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    this.clock.advance(15_000);
    await over;
  }
}
