import type { AddressQuery } from '../../adapters/tuna/index.js';
import { FaultPlan } from '../sim/fault-plan.js';
import { fill } from './ncp-channel.js';
import { tunaStateOf } from './state-checks.js';
import { TunaWorld } from './tuna-world.js';

test('[TUNA-5] tuna/simulation: links are dialed each at its own address, and lost ones again', () => {
  const w = new TunaWorld(1);
  w.connect();
  w.advance(1000);
  expect(w.links()).toEqual([4, 4]);
  w.end();
});

test('[TUNA-5] tuna/simulation: a dead address at any index is no obstacle, and its link joins when it is there', () => {
  for (let dead = 0; dead < 4; dead++) {
    const w = new TunaWorld(2 + dead);
    const targets = [1, 2, 3, 4].map((port) => `sim://b:${port === dead + 1 ? 9 : port}`);
    w.connect(targets);
    w.advance(3000);
    expect({ dead, links: w.links() }).toEqual({ dead, links: [3, 3] });
    w.near!.write(fill(new Uint8Array(100_000), 0));
    w.advance(1000);
    expect({ dead, heard: w.heard.b }).toEqual({ dead, heard: 100_000 });
    void w.b.listen('sim://b:9');
    w.advance(8000);
    expect({ dead, links: w.links() }).toEqual({ dead, links: [4, 4] });
    w.end();
  }
});

test('[TUNA-5] tuna/simulation: a lost link asks for fresh addresses, compares them with those of the live ones, and dials what is missing', () => {
  let offered: (string | undefined)[] = ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4'];
  let queries = 0;
  const addresses: AddressQuery = {
    query: (_, __, answer) => {
      queries++;
      const timer = w.clock.setTimeout(() => answer({ word: 'addresses', addresses: offered }), 20);
      return () => w.clock.clearTimeout(timer);
    },
  };
  const w = new TunaWorld(6, { addresses });
  const ports = (): number[] => [...w.network.links].filter((link) => link.isOpen).map(({ port }) => port);
  w.connect('sim://b:1');
  w.advance(1000);
  expect([w.links(), ports().sort(), queries]).toEqual([[4, 4], [1, 2, 3, 4], 3]);
  // The peer's second listener is gone; it has another one, and tells its addresses in another order.
  offered = ['sim://b:1', 'sim://b:3', 'sim://b:9', 'sim://b:4'];
  for (const link of w.network.links) if (link.port === 2) link.cut('both', { withinMs: 0 });
  w.advance(2500);
  expect(ports().sort()).toEqual([1, 3, 4]); // Nobody is there yet.
  void w.b.listen('sim://b:9');
  w.advance(8000);
  expect([w.links(), ports().sort()]).toEqual([
    [4, 4],
    [1, 3, 4, 9],
  ]);
  // None at the moment: it asks again after two seconds, four and eight, and dials nothing.
  offered = ['sim://b:1', 'sim://b:3', undefined, 'sim://b:4'];
  for (const link of w.network.links) if (link.port === 9) link.cut('both', { withinMs: 0 });
  const { dials } = w.network.counts;
  queries = 0;
  w.advance(20_000);
  expect([queries > 2 && queries < 6, w.network.counts.dials]).toEqual([true, dials]);
  w.end();
});

test('[TUNA-5] tuna/simulation: a link waits the longer the shorter its wires live; one that had lived is dialed at once', () => {
  const w = new TunaWorld(7, { numTunaListeners: 2 });
  w.connect(['sim://b:1', 'sim://b:2']);
  w.advance(2000);
  const cut = (): void => {
    for (const link of w.network.links) if (link.port === 2) link.cut('both', { withinMs: 0 });
  };
  cut();
  w.advance(100);
  expect(w.links()).toEqual([2, 2]);
  for (const hasJoined of [false, true]) {
    const before = w.network.counts.dials;
    for (let ms = 0; ms < 60_000; ms += 10) {
      if (!hasJoined || tunaStateOf(w.a).sessions[0]!.connCount === 2) cut();
      w.advance(10);
    }
    const dials = w.network.counts.dials - before;
    expect({ hasJoined, isRare: dials < 60 }).toEqual({ hasJoined, isRare: true }); // Without it thousands.
    w.advance(10_000);
  }
  w.end();
});

test('[TUNA-7] tuna/simulation: twenty times the network goes away and comes back: one session, nothing lost, nothing kept', () => {
  const w = new TunaWorld(11);
  w.connect('sim://b:1');
  let written = 0;
  const { pending } = w.clock;
  for (let cycle = 0; cycle < 20; cycle++) {
    for (let i = 0; i < 5; i++) {
      w.near!.write(fill(new Uint8Array(20_000), written));
      written += 20_000;
      w.advance(100);
    }
    const mend = w.network.partition(['a'], ['b']);
    w.advance(4000);
    mend();
    w.advance(8000);
  }
  w.advance(10_000);
  expect(w.heard.b).toBe(written);
  expect(w.links()).toEqual([4, 4]);
  expect(w.clock.pending).toBeLessThanOrEqual(pending + 12);
  expect(w.near!.stats()['queuedBytes']).toBe(0);
  w.end();
});

test('[TUNA-7] tuna/simulation: without any link for the whole window it ends, on both sides', () => {
  const w = new TunaWorld(12, { reconnectWindowMs: 8000 });
  w.connect('sim://b:1');
  w.advance(500);
  w.network.partition(['a'], ['b'], 'told');
  w.advance(40_000);
  expect(w.events).toEqual(expect.arrayContaining(['a window-expired', 'b window-expired']));
  w.end();
});

test('[TUNA-6] no address answers: one closing, with the cause', () => {
  const w = new TunaWorld(14);
  w.clock.settle();
  w.a.connect('sim://b:77').catch((error: Error) => w.events.push(error.message));
  w.advance(15_000);
  expect(w.events.join(' ')).toContain('a refused');
  w.end();
});

test('[TUNA-6] tuna/simulation: under faults of all kinds every byte arrives once and in order, both ways', () => {
  for (let seed = 100; seed < 130; seed++) {
    const w = new TunaWorld(seed, { reconnectWindowMs: 120_000, numTunaListeners: 1 + (seed % 4) });
    w.connect('sim://b:1');
    const faults = w.random.split('faults');
    const startMs = w.clock.now();
    const stopMs = startMs + 3000;
    FaultPlan.drawn(w.network, faults, { hosts: ['a', 'b'], startMs, stopMs, everyMs: [1, 150] }).start();
    const written = { a: 0, b: 0 };
    while (w.clock.now() < stopMs) {
      for (const [name, connection] of [
        ['a', w.near],
        ['b', w.far],
      ] as const) {
        // prettier-ignore
        if (connection?.state !== 'completed') continue;
        const bytes = faults.int(5000);
        connection.write(fill(new Uint8Array(bytes), written[name]));
        written[name] += bytes;
      }
      w.advance(1 + faults.int(60));
    }
    w.runUntil(() => w.heard.b === written.a && w.heard.a === written.b, { withinMs: 60_000 });
    expect({
      seed,
      heard: w.heard,
      wrong: w.wrong,
      events: w.events.filter((e) => / (closed|violated|internal)/.test(e)),
    }).toEqual({
      seed,
      heard: { a: written.b, b: written.a },
      wrong: 0,
      events: [],
    });
    w.end();
  }
});
