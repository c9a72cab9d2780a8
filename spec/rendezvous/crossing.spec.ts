import type { RendezvousNode } from '../../adapters/rendezvous/index.js';
import type { SimLink } from '../sim/link.js';
import { Hosts, NOTHING } from './hosts.js';

const LATENCIES: [number, number][] = [
  [1, 1],
  [1, 7],
  [7, 1],
  [20, 3],
];

/** One connection on both sides, the same one: the only wire that is left, and a word each way on it. */
async function agree(
  h: Hosts,
  a: RendezvousNode,
  b: RendezvousNode,
): Promise<{ wires: number; roles: string[]; words: string[] }> {
  const words: string[] = [];
  for (const [near, far] of [[a, b], [b, a]] as const) near.peer(far.id)!.onMessage = (message) => words.push(Buffer.from(message).toString()); // prettier-ignore
  a.peer(b.id)!.write(Buffer.from('from a'));
  b.peer(a.id)!.write(Buffer.from('from b'));
  await h.live(200);
  const wires = [...h.network.links].filter((link: SimLink) => link.isBetween('a', 'b')).length;
  return { wires, roles: [a, b].map((node) => (node.peer(node === a ? b.id : a.id)?.connection.role ?? 'none') as string), words: words.sort() }; // prettier-ignore
}

/** Which of the two has the higher id. */
describe.each(['a', 'b'])('rendezvous/crossing: the higher id is at %s', (higher) => {
  test('[RDV-5] both ask each other, at any time apart, over any latencies: one connection, and both agree on which', async () => {
    const seen = new Set<string>();
    for (const [latencyAB, latencyBA] of LATENCIES)
      for (let gapMs = -12; gapMs <= 12; gapMs += 1) {
        const h = new Hosts(gapMs + 100);
        const [low, high] = h.keys(2);
        const book = new Map<string, RendezvousNode>();
        // Letters take their own time, sometimes less than a dial, sometimes more.
        const signaling = { send: (to: string, signed: Uint8Array) => void h.clock.setTimeout(() => book.get(to)?.receive(signed), h.random.int(12)) }; // prettier-ignore
        const a = h.start('a', { signaling, key: higher === 'a' ? high! : low! });
        const b = h.start('b', { signaling, key: higher === 'b' ? high! : low! });
        for (const node of [a, b]) book.set(node.id, node);
        h.network.setLatency('a', 'b', [latencyAB, latencyAB]);
        h.network.setLatency('b', 'a', [latencyBA, latencyBA]);
        await h.live(1);
        const meet = (from: RendezvousNode, to: RendezvousNode, at: number): void =>
          void h.clock.setTimeout(() => void from.meet(to.id), at);
        meet(a, b, Math.max(0, gapMs));
        meet(b, a, Math.max(0, -gapMs));
        await h.until(() => a.peers.length === 1 && b.peers.length === 1);
        await h.live(4000);
        const { wires, roles, words } = await agree(h, a, b);
        expect({ gapMs, latencyAB, wires, roles: [...roles].sort(), words }).toEqual({ gapMs, latencyAB, wires: 1, roles: ['acceptor', 'dialer'], words: ['from a', 'from b'] }); // prettier-ignore
        expect([a.sizes, b.sizes]).toEqual(Array(2).fill({ expected: 0, pending: 0, routes: 0, timers: 0 }));
        seen.add(roles.join());
        expect(await h.end()).toEqual(NOTHING);
      }
    expect(seen.size).toBeGreaterThanOrEqual(1);
  }, 60_000);

  test('[RDV-5] both bootstrap from each other, at any time apart: one connection, the one that the higher id dialed where both came through', async () => {
    let crossed = 0;
    for (const [latencyAB, latencyBA] of LATENCIES)
      for (let gapMs = -12; gapMs <= 12; gapMs += 1) {
        const h = new Hosts(gapMs + 100);
        const [low, high] = h.keys(2);
        const a = h.make('a', { key: higher === 'a' ? high! : low!, contacts: ['sim://b:1'] });
        const b = h.make('b', { key: higher === 'b' ? high! : low!, contacts: ['sim://a:1'] });
        h.network.setLatency('a', 'b', [latencyAB, latencyAB]);
        h.network.setLatency('b', 'a', [latencyBA, latencyBA]);
        for (const [node, at] of [[a, Math.max(0, gapMs)], [b, Math.max(0, -gapMs)]] as const) h.clock.setTimeout(() => void node.start(), at); // prettier-ignore
        for (const { engine } of [a, b])
          engine.on((event) => void (event.type === 'closing' && ['lost-tie-break', 'replaced'].includes(event.closing.code) && crossed++)); // prettier-ignore
        await h.until(() => a.peers.length === 1 && b.peers.length === 1);
        await h.live(4000);
        const { wires, roles, words } = await agree(h, a, b);
        expect({ gapMs, latencyAB, wires, roles: [...roles].sort(), words }).toEqual({ gapMs, latencyAB, wires: 1, roles: ['acceptor', 'dialer'], words: ['from a', 'from b'] }); // prettier-ignore
        expect(await h.end()).toEqual(NOTHING);
      }
    expect(crossed).toBeGreaterThan(10);
  }, 60_000);
});
