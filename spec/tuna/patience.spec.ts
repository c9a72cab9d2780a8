import type { Closing } from '../../machines/closing.js';
import type { Offer, Wire } from '../../machines/ports.js';
import type { WireCause } from '../../machines/ports.js';
import { doubted, isDisowned, NO_DOUBTS, type Doubts } from '../../machines/tuna/doubts.js';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tcp } from '../../transports/tcp.js';
import { AWAY, Between } from '../interop/between.js';
import { News } from '../interop/news.js';
import { hear } from './flow.js';
import { fill } from './ncp-channel.js';
import { PlayedOriginal } from './played-original.js';
import { TunaWorld } from './tuna-world.js';

const news = new News();
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function pairOver(
  options: TunaOptions,
): Promise<{ near: Connection; far: Connection; between: Between; engines: Engine[] }> {
  const server = createEngine({ transports: [tcp()], protocols: [tuna(options)], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({ transports: [tcp()], protocols: [tuna(options)] });
  for (const engine of [server, client]) {
    open.push(() => engine.shutdown({ deadlineMs: 1000 }));
    news.of(engine);
    await engine.start();
  }
  const between = new Between(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  between.onAccepted = news.tell;
  open.push(() => between.close());
  const address = await between.listen();
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(address);
  return { near, far: (await accepted).value as Connection, between, engines: [client, server] };
}

describe('tuna/patience: something in between accepts while the peer behind it is away', () => {
  for (const away of AWAY)
    for (const links of [1, 3])
      test(`[TUNA-7] it ${away}: the session of ${links} link(s) goes on when the way is free again`, async () => {
        const { near, far, between } = await pairOver({ numTunaListeners: links });
        await news.until(() => near.stats()['links'] === links);
        const heard = hear(far, 300_000);
        near.write(fill(new Uint8Array(100_000), 0));
        between.away = away;
        between.cut();
        const before = between.accepted;
        near.write(fill(new Uint8Array(200_000), 100_000));
        await news.until(() => between.accepted >= before + 4 * links); // It was given up after three for each.
        expect(near.state).toBe('completed');
        between.away = undefined;
        expect(await heard).toBe(-1);
        expect([near.state, far.state]).toEqual(['completed', 'completed']);
      }, 30_000);

  test('[TUNA-7] for the whole window, where it resets or is not even reached, and then the window has expired', () => {
    for (const links of [1, 4]) {
      const w = new TunaWorld(300 + links, { numTunaListeners: links, reconnectWindowMs: 40_000 });
      w.connect('sim://b:1');
      w.advance(500);
      let ended: { closing: Closing; at: number } | undefined;
      w.a.on((event) => event.type === 'disconnected' && (ended = { closing: event.closing, at: w.clock.now() }));
      const lostAt = w.clock.now();
      w.crash('b');
      let accepted = 0;
      const handler = { onBytes: () => {}, onDrain: () => {}, onProbeAnswer: () => {}, onClose: () => {} };
      const onOffer = (offer: Offer): void => {
        accepted++;
        offer.open({ ...handler, onOpen: (wire) => wire.destroy() });
      };
      w.network.transport('b').listen('sim://b:1', { onListening: () => {}, onFailed: () => {}, onOffer });
      w.advance(39_000);
      expect({ links, ended }).toEqual({ links, ended: undefined });
      w.advance(3000);
      expect(accepted).toBeGreaterThan(6);
      expect(ended!.closing.code).toBe('window-expired');
      expect(ended!.at - lostAt).toBeGreaterThan(39_500);
      w.end();
    }
  });
});

describe('tuna/patience: something in between reads the opening and ends each connection in an orderly way', () => {
  /** A session over a relay that does so for a while; when and how the dialer was told that it is over. */
  function awayFor(ms: number, links: number): { w: TunaWorld; told: string[]; lostAt: number } {
    const w = new TunaWorld(340 + links, { numTunaListeners: links });
    let isAway = false;
    const { listen } = w.network.transport('c');
    const onOffer = (offer: Offer): void => {
      let [near, far]: (Wire | undefined)[] = [];
      const waiting: Uint8Array[] = [];
      const rest = { onDrain: () => {}, onProbeAnswer: () => {} };
      offer.open({
        ...rest,
        onOpen: (wire) => {
          near = wire;
          if (isAway) return;
          w.network.transport('c').dial('sim://b:1', {})({
            ...rest,
            onOpen: (other) => {
              far = other;
              for (const bytes of waiting) far.send(bytes);
            },
            onBytes: (bytes) => near?.send(new Uint8Array(bytes)),
            onClose: () => near?.destroy(),
          });
        },
        onBytes: (bytes) => {
          if (isAway) near?.close();
          else if (far === undefined) waiting.push(new Uint8Array(bytes));
          else far.send(new Uint8Array(bytes));
        },
        onClose: () => far?.destroy(),
      });
    };
    listen('sim://c:1', { onListening: () => {}, onFailed: () => {}, onOffer });
    w.connect('sim://c:1');
    w.advance(500);
    const lostAt = w.clock.now();
    const told: string[] = [];
    w.a.on((event) => {
      if (event.type === 'disconnected')
        told.push(`${event.closing.code} after ${Math.round((w.clock.now() - lostAt) / 1000)} s`);
    });
    isAway = true;
    w.network.cutBetween('a', 'c', 'both', { withinMs: 0 });
    w.near!.write(fill(new Uint8Array(10_000), 0));
    w.advance(ms);
    isAway = false;
    return { w, told, lostAt };
  }

  for (const links of [1, 4]) {
    test.each([1000, 3000, 9000])(`[TUNA-7] for %d ms: the session of ${links} link(s) goes on`, (ms) => {
      const { w, told } = awayFor(ms, links);
      w.advance(10_000);
      expect({ told, heard: w.heard.b, links: w.links() }).toEqual({ told: [], heard: 10_000, links: [links, links] });
      w.end();
    });

    test(`[TUNA-7] for longer, it is as if the peer had said so: after ten seconds, not before, with ${links} link(s)`, () => {
      const { w, told } = awayFor(30_000, links);
      expect(told[0]).toMatch(/^peer-lost-session after 1[0-5] s$/);
      w.end();
    });
  }
});

test('tuna/patience: only orderly ends count against the peer, three at least and over ten seconds, and any packet clears them', () => {
  const ended = { kind: 'ended' } as const;
  let doubts = NO_DOUBTS;
  const end = (cause: WireCause | undefined, at: number): Doubts => (doubts = doubted(doubts, cause, at));
  for (let at = 0; at <= 9999; at += 100) end(ended, at);
  expect(isDisowned(doubts)).toBe(false); // The last rejection counts, however long ago it was.
  end(ended, 10_000);
  expect(isDisowned(doubts)).toBe(true);
  end({ kind: 'reset' }, 10_000); // What was sent there was not read.
  expect([isDisowned(doubts), doubts.wordless]).toEqual([false, 102]);
  for (const at of [20_000, 40_000]) end(ended, at);
  expect(isDisowned(doubts)).toBe(false); // Two are no row.
  end(undefined, 50_000);
  end(ended, 60_000);
  expect(isDisowned(doubts)).toBe(true);
  expect([isDisowned(NO_DOUBTS), NO_DOUBTS.wordless]).toEqual([false, 0]);
});

test('[TUNA-7] tuna/patience: after a wire without a word the next opening is sent alone, so that its end says whether it was read', () => {
  const w = new TunaWorld(310, { numTunaListeners: 1 });
  w.connect('sim://b:1');
  w.advance(500);
  const sent: number[] = [];
  w.network.observer = (note, end, bytes) => note === 'bytes' && end.side === 'far' && sent.push(bytes);
  const beginning = (holds: boolean): number => {
    let count = 0;
    w.network.onLink = (link) => {
      if (++count === 1 && holds) w.clock.setTimeout(() => link.cut('both', { withinMs: 0, keep: 'none' }), 30);
    };
    sent.length = 0;
    w.network.cutBetween('a', 'b', 'both', { withinMs: 0 });
    w.near!.write(fill(new Uint8Array(50_000), w.heard.b));
    w.advance(5000);
    return sent.reduce((sum, bytes) => sum + bytes, 0);
  };
  expect(beginning(false)).toBeGreaterThan(50_000);
  expect(beginning(true)).toBeGreaterThan(50_000);
  expect(w.heard.b).toBe(100_000);
  w.end();
});

describe('tuna/window: a session of an original, which has no window, ends with its links', () => {
  test.each([
    [1, 'closed'],
    [4, 'closed'],
    [4, 'killed'],
    [1, 'silent'],
  ] as const)('[TUNA-7] within about five seconds, and the application gets it: %d link(s), %s', (links, how) => {
    const w = new TunaWorld(320 + links, { numTunaListeners: links });
    const original = new PlayedOriginal(w, links);
    w.clock.settle();
    for (let link = 0; link < links; link++) original.dial(link, 'sim://b:1', { redials: false });
    w.advance(500);
    expect(w.far!.stats()['links']).toBe(links);
    const at = w.clock.now();
    const told: string[] = [];
    w.b.on((event) => {
      if (event.type === 'lost' || event.type === 'disconnected')
        told.push(`${event.type} after ${Math.round((w.clock.now() - at) / 1000)} s`);
    });
    original.answers = how !== 'silent';
    for (const { wire } of original.wires) {
      if (how === 'closed') wire!.close();
      if (how === 'killed') wire!.destroy();
    }
    w.advance(15_000);
    const lost = how === 'silent' ? 2 : 0; // The world asks for a sign of life after 1 s.
    expect(told).toEqual([`lost after ${lost} s`, `disconnected after ${lost + 5} s`]);
    w.end();
  });

  test('[TUNA-7] where the acceptor has a shorter window, that one counts', () => {
    const w = new TunaWorld(330, { numTunaListeners: 1, reconnectWindowMs: 1000 });
    const original = new PlayedOriginal(w, 1);
    w.clock.settle();
    original.dial(0, 'sim://b:1', { redials: false });
    w.advance(500);
    original.wires[0]!.wire!.destroy();
    w.advance(1500);
    expect(w.events).toEqual(['b lost', 'b window-expired']);
    w.end();
  });
});
