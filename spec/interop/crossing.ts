import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ports } from '#platform';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { Hub, memoryTrust } from '../../adapters/ship/index.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import type { TieRule } from '../../machines/tie-break.js';
import { shipTransport } from '../../transports/ship.js';
import { Board } from '../ship/nodes.js';
import { News } from './news.js';
import { ShipGo } from './ship-go.js';
import { Watched } from './watched.js';

/** What came of one round of dials that cross. */
export interface Round {
  /** `they` dialed, and so many milliseconds later (or, below 0, earlier) we did. */
  readonly offsetMs: number;
  readonly weAreHigher: boolean;
  readonly connected: number;
  readonly disconnected: number;
  /** Dials of both sides; 1 where ship-go was through before ours began. */
  readonly wires: number;
  readonly ms: number;
}

/**
 * A holdfast hub and a ship-go hub that dial each other at the same moment. ship-go's dial is noticed at a relay, which holds
 * it for a while; ours begins as soon as it is seen, so that the two overlap by as much as a test wants.
 */
export class CrossingPair {
  connected = 0;
  disconnected = 0;
  #got: ((payload: ShipPayload) => void)[] = [];
  #isEager = false;
  #hub!: Hub;
  #relays: Server[] = [];
  #begun = 0;
  #open = 0;
  #board = new Board();
  #goPort = 0;
  #holdMs = 0;
  #onDial: (() => void) | undefined;
  #news = new News();
  #messages = 0;

  private constructor(
    readonly go: ShipGo,
    readonly identity: OwnIdentity,
    readonly rule: TieRule,
  ) {}

  static async start(weAreHigher: boolean, rule: TieRule): Promise<CrossingPair> {
    const go = await ShipGo.start({ shipId: 'ship-go' });
    let identity = await makeIdentity();
    while (identity.ski! > go.ski !== weAreHigher) identity = await makeIdentity();
    const pair = new CrossingPair(go, identity, rule);
    await pair.#begin();
    return pair;
  }

  async #begin(): Promise<void> {
    const { go, identity } = this;
    const transport = new Watched(shipTransport({ identity }));
    transport.onClosed = this.#news.tell;
    this.#hub = new Hub(
      {
        ski: identity.ski!,
        shipId: 'holdfast',
        transports: [transport],
        listen: ['wss://127.0.0.1:0/ship/'],
        discovery: this.#board,
        trust: memoryTrust([{ ski: go.ski }]),
        doubleConnection: this.rule,
        ports: { ...ports, random: () => (this.#isEager ? 0 : 0.9999) }, // At once, or never before the other side.
      },
      {
        remoteSKIConnected: () => this.connected++,
        remoteSKIDisconnected: () => this.disconnected++,
        setupRemoteDevice: () => (payload) => this.#got.shift()?.(payload),
      },
    );
    this.#news.of(this.#hub.engine);
    await this.#hub.start();
    const port = Number(new URL(this.#hub.engine.addresses[0]!.replace('wss', 'https')).port);
    const theirs = await this.#relayTo(port, () => {
      this.#onDial?.();
      return this.#holdMs;
    });
    this.#goPort = await this.#relayTo(go.port, () => 0);
    await go.see([{ ski: identity.ski!, port: theirs }]);
  }

  /** Both dial; resolves when one connection is left and has carried a message each way, and rejects after 30 s. */
  round(offsetMs: number): Promise<Round> {
    return this.#within30s(this.#round(offsetMs), 'end');
  }

  /** A test that hangs should say what it hangs on. */
  async #within30s<Done>(work: Promise<Done>, what: string): Promise<Done> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no ${what} after 30 s: ${this.#told()}`)), 30_000);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #told(): string {
    const { connected, disconnected } = this;
    const here = { connected, disconnected, begun: this.#begun, open: this.#open, ...this.#hub.engine.metrics() };
    const there = this.go.events.slice(-30).map((event) => JSON.stringify(event));
    return [JSON.stringify(here), this.#hub.debugConnectionState(), ...there].join('\n');
  }

  async #round(offsetMs: number): Promise<Round> {
    const { go, identity } = this;
    const before = { connected: this.connected, disconnected: this.disconnected, at: performance.now() };
    this.#begun = 0;
    const ours = new Promise<void>((resolve) => {
      this.#onDial = () => {
        this.#onDial = undefined;
        const dial = (): void => {
          this.#isEager = true;
          this.#board.show(go.ski, this.#goPort);
          void this.#hub.connectSKI(go.ski).then(
            () => resolve(),
            () => resolve(),
          );
          this.#isEager = false;
        };
        if (offsetMs <= 0) dial();
        else setTimeout(dial, offsetMs); // Time between the dials is what the test varies; ship-go's clock is the real one.
      };
    });
    this.#holdMs = Math.max(0, -offsetMs);
    await go.register(identity.ski!); // Whom a user has just registered, it dials without a delay;
    const again = setInterval(() => {
      // unless a late event of the connection before has overwritten that (ship-go 2024): then it would take its time.
      if (this.#onDial !== undefined) void go.unregister(identity.ski!).then(() => go.register(identity.ski!));
    }, 1000);
    await ours.finally(() => clearInterval(again));
    await this.#settled();
    await this.exchange();
    return {
      offsetMs,
      weAreHigher: identity.ski! > go.ski,
      connected: this.connected - before.connected,
      disconnected: this.disconnected - before.disconnected,
      wires: this.#begun,
      ms: performance.now() - before.at,
    };
  }

  /** A message each way over whatever connection there is. */
  async exchange(): Promise<void> {
    const after = this.go.lastEvent;
    const n = ++this.#messages;
    const got = new Promise<ShipPayload>((resolve) => this.#got.push(resolve));
    await this.#hub.getConnection(this.go.ski)!.connection.send({ datagram: { n } });
    await this.go.event('data', { after });
    await this.go.send(this.identity.ski!, JSON.stringify({ datagram: { back: n } }));
    await got;
  }

  get connections(): number {
    return this.#hub.getConnectionCount();
  }

  /** ship-go's user unregisters us, and we part, so that the next round begins from nothing. */
  async part(): Promise<void> {
    const { engine } = this.#hub;
    const { lastEvent: after } = this.go;
    this.#board.services = [];
    await this.go.unregister(this.identity.ski!);
    // A dial of ship-go's that lost can take the winner out of its list: then its user's no reaches nobody, and we go.
    await this.#hub.disconnectSKI(this.go.ski);
    await this.#within30s(
      this.#news.until(() => this.connections === 0 && this.#open === 0 && engine.metrics().wires === 0),
      'closeStarted',
    );
    await this.go.event('disconnected', { after }); // It may be told of the end later than we are.
  }

  async end(): Promise<void> {
    await this.#hub.shutdown();
    await this.go.stop();
    for (const relay of this.#relays) relay.close();
  }

  /** Of all dials one wire is left: that of a completed connection. ship-go's was there before ours. */
  async #settled(): Promise<void> {
    const { engine } = this.#hub;
    await this.#news.until(() => this.#open === 1 && this.connections === 1 && engine.metrics().wires === 1);
  }

  /** @param onDial how long to hold what has just been dialed */
  async #relayTo(port: number, onDial: () => number): Promise<number> {
    const relay = createServer((near) => {
      this.#open++;
      this.#begun++;
      near
        .setNoDelay(true)
        .on('error', () => {})
        .on('close', () => {
          this.#open--;
          this.#news.tell();
        });
      const holdMs = onDial();
      if (holdMs > 0) setTimeout(() => join(near, port), holdMs);
      else join(near, port);
    }).listen(0, '127.0.0.1');
    this.#relays.push(relay);
    await once(relay, 'listening');
    return (relay.address() as AddressInfo).port;
  }
}

function join(near: Socket, port: number): void {
  const far = connect(port, '127.0.0.1').setNoDelay(true);
  far.on('error', () => {});
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
  near.pipe(far).pipe(near);
}
