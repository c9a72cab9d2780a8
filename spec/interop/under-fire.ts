import { createEngine, type Connection } from '../../adapters/index.js';
import { tuna } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { tcp } from '../../transports/tcp.js';
import { pour } from '../tuna/flow.js';
import { fill } from '../tuna/ncp-channel.js';
import { TcpEnd } from '../tuna/tcp-end.js';
import { NcpGo, type Owed } from './ncp-go.js';
import { TunaGo } from './tuna-go.js';
import { Ear, Lag, sightOf, type Sight } from './waits.js';
import { Watched } from './watched.js';

/** Writes the pattern as fast as it is taken; resolves when all is acknowledged, or all was taken where nobody says. */
export function pourInto(end: TcpEnd, total: number): Promise<void> {
  return new Promise((resolve) => {
    let written = 0;
    const more = (): void => {
      while (written < total && end.plane.canTake(65_536)) {
        const bytes = fill(new Uint8Array(Math.min(65_536, total - written)), written);
        written += bytes.length;
        if (!end.pump.write(bytes)) break;
      }
      if (written === total && end.plane.queuedBytes === 0) resolve();
    };
    end.onRoom = more;
    more();
  });
}

/** A session over four links on loopback that moves bytes one way, and what can be done to it. */
export interface Target {
  readonly rejoinsMs: readonly number[];
  /** Kills the link that has lived longest, or all. */
  kill(all: boolean): void;
  move(total: number): Promise<Sight & { readonly lagMs?: number }>;
  /** Receiver: when something last came, and what it is that is missing. */
  readonly ear?: Ear;
  next?(): number;
  owes?(): Promise<Owed>;
  stop(): Promise<void>;
}

/** The real ncp-go on plain sockets. */
export async function ncpGo(direction: 'to' | 'from', links = 4): Promise<Target> {
  const peer = await NcpGo.start();
  const end = new TcpEnd('dialer', links);
  await end.dial(await peer.listen({ links, mtu: 1300 }));
  let kills = 0;
  const target = {
    rejoinsMs: end.rejoinsMs,
    ear: undefined as Ear | undefined,
    kill: (all: boolean) => {
      if (!all) return void end.cut(kills++ % links);
      for (let link = 0; link < links; link++) end.cut(link);
    },
    async move(total: number) {
      if (direction === 'to') {
        const [received] = await Promise.all([peer.receive(total), pourInto(end, total)]);
        return { ...sightOf(received), lagMs: received.lagMs };
      }
      const ear = new Ear(total);
      end.onData = (bytes) => ear.hear(bytes);
      target.ear = ear;
      await Promise.all([peer.send(total), ear.done]);
      return ear;
    },
    next: () => end.plane.ncp.inbound.base + 1,
    owes: () => peer.owes(),
    stop: () => (end.stop(), peer.stop()),
  };
  return target as Target;
}

/** The real nkn-tuna-session, sealed; holdfast dials. */
export async function tunaGo(direction: 'to' | 'from'): Promise<Target> {
  const self = await tunaIdentity(new Uint8Array(32).fill(7));
  const go = await TunaGo.start({ name: 'partner', links: 4 });
  await go.listen();
  const wires = new Watched(tcp());
  const engine = createEngine({
    transports: [wires],
    protocols: [tuna({ identity: self, addresses: go.bookFor(self.address) })],
  });
  await engine.start();
  const reply = await go.ask(self.address, null);
  const accepted = go.accept();
  const near = await engine.connect(reply.word === 'addresses' ? reply.addresses[0]! : '', { peer: go.address });
  await accepted;
  await wires.spokenOn(4);
  return {
    rejoinsMs: wires.rejoinsMs,
    kill: (all) => void (all ? wires.killAll() : wires.kill()),
    async move(total) {
      if (direction === 'to') {
        const [received] = await Promise.all([go.receive(total), pour(near, total)]);
        return { ...sightOf(received), lagMs: received.lagMs };
      }
      const ear = new Ear(total);
      near.onMessage = (bytes) => ear.hear(bytes);
      await Promise.all([go.send(total), ear.done]);
      return ear;
    },
    stop: async () => void (await engine.shutdown(), await go.stop()),
  };
}

/** Two holdfasts in this process, plain or sealed. */
export async function twoHoldfasts(isSealed: boolean): Promise<Target> {
  const [a, b] = await Promise.all([7, 8].map((n) => tunaIdentity(new Uint8Array(32).fill(n))));
  const wires = new Watched(tcp());
  const server = createEngine({
    transports: [tcp()],
    protocols: [tuna(isSealed ? { identity: b! } : {})],
    listen: ['tcp://127.0.0.1:0'],
  });
  const client = createEngine({ transports: [wires], protocols: [tuna(isSealed ? { identity: a! } : {})] });
  await Promise.all([server.start(), client.start()]);
  const incoming = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(server.addresses[0]!, isSealed ? { peer: b!.address } : {});
  const far = (await incoming).value as Connection;
  await wires.spokenOn(4);
  return {
    rejoinsMs: wires.rejoinsMs,
    kill: (all) => void (all ? wires.killAll() : wires.kill()),
    async move(total) {
      const ear = new Ear(total);
      far.onMessage = (bytes) => ear.hear(bytes);
      await Promise.all([pour(near, total), ear.done]);
      return ear;
    },
    stop: async () => void (await client.shutdown(), await server.shutdown()),
  };
}

export interface Outcome {
  readonly sight: Sight;
  readonly killedAt: readonly number[];
  readonly rejoinsMs: readonly number[];
  readonly megabytesPerSecond: number;
  /** The longest that a process was kept from running. */
  readonly lagMs: number;
  /** Of each wait of over half a second: what was missing here, and what the peer knew of it. */
  readonly inquiries: readonly { readonly next: number; readonly owed: Owed }[];
}

/**
 * Moves so many bytes while a link, or every link, is killed again and again. What the original had sent into a killed socket it sends
 * again by a timeout of its own, which begins at 5 s and follows its round trips (seen: 0.7 s): a pause is its own where it knows which
 * packet we lack, and has it under way.
 *
 * @throws Error of a pause of over 0.4 s in what ncp-go sends that is not its own
 */
export async function underFire(target: Target, total: number, everyMs: number, all: boolean): Promise<Outcome> {
  const killedAt: number[] = [];
  const inquiries: { next: number; owed: Owed }[] = [];
  const lag = new Lag();
  const killing = setInterval(() => {
    killedAt.push(Date.now());
    target.kill(all);
  }, everyMs);
  let fail!: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  let askedFor = -1;
  const watching = setInterval(() => {
    const { ear } = target;
    if (ear === undefined || ear.lastAt === 0 || performance.now() - ear.lastAt < 400 || ear.bytes >= ear.total) return;
    const next = target.next!();
    if (next === askedFor) return;
    askedFor = next;
    target.owes!().then((owed) => {
      inquiries.push({ next, owed });
      const isItsOwn = owed.start <= next && owed.links.some(({ ageMs }) => ageMs !== undefined);
      if (!isItsOwn) fail(new Error(`a pause that is ours, at packet ${next}; the peer's side of it: ${JSON.stringify(owed)}`));
    }, fail);
  }, 20);
  const startedAt = performance.now();
  try {
    const sight = await Promise.race([target.move(total), failed]);
    const seconds = (performance.now() - startedAt) / 1000;
    const lagMs = Math.max(lag.stop(), sight.lagMs ?? 0);
    return { sight, killedAt, rejoinsMs: target.rejoinsMs, megabytesPerSecond: total / 1e6 / seconds, lagMs, inquiries };
  } finally {
    clearInterval(killing);
    clearInterval(watching);
    lag.stop();
  }
}
