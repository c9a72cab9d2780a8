import { FaultPlan } from '../sim/fault-plan.js';
import { fill } from './ncp-channel.js';
import { TunaWorld } from './tuna-world.js';

test('[TUNA-5] links are dialed each at its own address, and lost ones again', () => {
  const w = new TunaWorld(1);
  w.connect();
  w.advance(1000);
  expect(w.links()).toEqual([4, 4]);
  w.end();
});

test('[TUNA-5] a dead address at any index is no obstacle, and its link joins when it is there', () => {
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

test('[TUNA-7] twenty times the network goes away and comes back: one session, nothing lost, nothing kept', () => {
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

test('[TUNA-7] without any link for the whole window it ends, on both sides', () => {
  const w = new TunaWorld(12, { reconnectWindowMs: 8000 });
  w.connect('sim://b:1');
  w.advance(500);
  w.network.partition(['a'], ['b'], 'told');
  w.advance(40_000);
  expect(w.events).toEqual(expect.arrayContaining(['a window-expired', 'b window-expired']));
  w.end();
});

test('[TUNA-6] nobody answers at any address: one closing, with the cause', () => {
  const w = new TunaWorld(14);
  w.clock.settle();
  w.a.connect('sim://b:77').catch((error: Error) => w.events.push(error.message));
  w.advance(15_000);
  expect(w.events.join(' ')).toContain('a refused');
  w.end();
});

test('[TUNA-6] under faults of all kinds every byte arrives once and in order, both ways', () => {
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
