import fc from 'fast-check';
import { resume, type ResumeOptions } from '../adapters/resume/index.js';
import { pool } from '../adapters/pool/index.js';
import type { Connection } from '../machines/connection/connection-handle.js';
import { Engine } from '../machines/engine.js';
import type { EngineLimits } from '../machines/engine-limits.js';
import type { Protocol } from '../machines/protocol.js';
import { SimClock } from './sim/clock.js';
import type { SimLink } from './sim/link.js';
import { SimNetwork } from './sim/network.js';
import { CALM } from './sim/network.options.js';
import { SeededRandom } from './sim/random.js';

/** One server and several clients; what each of those got, as text. */
class Town {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly links: SimLink[] = [];
  readonly server: Engine;
  readonly incoming: Connection[] = [];
  readonly clients: Connection[] = [];
  readonly got: string[][] = [];

  constructor(
    count: number,
    {
      seed = 7,
      protocolOf = (): Protocol<unknown> => resume() as Protocol<unknown>,
      limits = {} as EngineLimits,
      slow = new Set<number>(),
      network = {},
    } = {},
  ) {
    const random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, random.split('network'), { ...CALM, ...network });
    this.network.onLink = (link) => this.links.push(link);
    const engine = (name: string, listen: string[]): Engine => {
      const { next, bytes } = random.split(name);
      const transports = [this.network.transport(name)];
      return new Engine(
        { clock: this.clock, random: next, entropy: bytes },
        { transports, protocols: [protocolOf()], listen, limits },
      );
    };
    this.server = engine('server', ['sim://server:1']);
    this.server.on((event) => event.type === 'connected' && this.incoming.push(event.connection as Connection));
    void this.server.start();
    this.clock.settle();
    for (let n = 0; n < count; n++) {
      const client = engine(`client${n}`, []);
      const got: string[] = [];
      this.got.push(got);
      client.on((event) => {
        if (event.type !== 'connected') return;
        this.clients.push(event.connection as Connection);
        if (!slow.has(n))
          (event.connection as Connection).onMessage = (message) => got.push(Buffer.from(message).toString('latin1'));
      });
      void client.start();
      void client.connect('sim://server:1');
      this.clock.runUntil(() => this.incoming.length === n + 1, { withinMs: 60_000 });
    }
  }
}

const bytesOf = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);
const shown = (message: Uint8Array): string => Buffer.from(message).toString('latin1');
const options = (given: ResumeOptions): { protocolOf(): Protocol<unknown> } => ({
  protocolOf: () => resume(given) as Protocol<unknown>,
});

describe('engine/broadcast: one message to many connections', () => {
  test.each([0, 1, 255, 256, 70_000])('[RES-1] each gets a message of %d bytes, between its own ones, in order', (length) => {
    const town = new Town(3);
    town.incoming[1]!.write(bytesOf(3, 1));
    const result = town.server.broadcast(bytesOf(length, 2));
    town.incoming[1]!.write(bytesOf(300, 3));
    town.server.broadcast(bytesOf(length, 4));
    town.clock.advance(1000);
    expect([result.accepted, result.behind, result.refused]).toEqual([town.incoming, [], []]);
    const all = [bytesOf(length, 2), bytesOf(length, 4)].map(shown);
    expect(town.got).toEqual([all, [shown(bytesOf(3, 1)), all[0], shown(bytesOf(300, 3)), all[1]], all]);
  });

  test('[RES-1] [RES-14] exactly once for each, although wires are cut in the middle of messages', () => {
    const piece = fc.record({
      length: fc.constantFrom(1, 200, 256, 1000, 40_000),
      cut: fc.nat(5),
      waitMs: fc.nat(40),
      own: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.nat(1000), fc.array(piece, { minLength: 1, maxLength: 20 }), (seed, pieces) => {
        const town = new Town(3, { seed, ...options({ reconnectWindowMs: 300_000 }) });
        const expected: string[][] = [[], [], []];
        pieces.forEach(({ length, cut, waitMs, own }, n) => {
          const message = bytesOf(length, n);
          expect(town.server.broadcast(message).accepted).toHaveLength(3);
          for (const each of expected) each.push(shown(message));
          message.fill(0xff); // The caller's own again.
          if (own) {
            town.incoming[n % 3]!.write(bytesOf(7, n));
            expected[n % 3]!.push(shown(bytesOf(7, n)));
          }
          town.clock.advance(waitMs);
          if (cut < 3) town.links.at(-1 - cut)?.cut(cut === 0 ? 'silent' : 'both');
        });
        town.clock.advance(120_000);
        expect(town.incoming.map((each) => each.stats()['queuedBytes'])).toEqual([0, 0, 0]);
        const numbers = new Map(town.incoming.map((each, n) => [each, n])); // Clients connect in order.
        expect(numbers.size).toBe(3);
        expect(town.got).toEqual(expected);
      }),
      { seed: 11, numRuns: 40 },
    );
  });

  test('[RES-1] an acknowledgement never comes between the head and the payload of a shared message', () => {
    const town = new Town(2, { network: { highWaterBytes: 64, bytesPerMs: 20, latencyMs: [3, 3], chop: 1 } });
    for (let n = 0; n < 60; n++) {
      for (const each of town.incoming) each.write(bytesOf(40, n));
      town.server.broadcast(bytesOf(300, n));
      for (const each of town.clients) each.write(bytesOf(5, n));
      town.clock.advance(7);
    }
    town.clock.advance(60_000);
    const all = Array.from({ length: 60 }, (_, n) => [shown(bytesOf(40, n)), shown(bytesOf(300, n))]).flat();
    expect(town.got).toEqual([all, all]);
    expect(town.links).toHaveLength(2); // No wire was given up.
  });

  test('[RES-15] what a receiver does to its bytes reaches neither the other receivers nor a replay', () => {
    const town = new Town(2);
    const corrupt: string[] = [];
    town.links[0]!.cut('silent');
    const message = bytesOf(1000, 5);
    town.server.broadcast(message);
    message.fill(1);
    town.clock.advance(60_000);
    corrupt.push(...town.got[0]!, ...town.got[1]!);
    expect(corrupt).toEqual([shown(bytesOf(1000, 5)), shown(bytesOf(1000, 5))]);
  });

  test.each([2048, 300_000])(
    '[RES-15] memory of %d shared bytes is not used again while another session may send it',
    (length) => {
      const town = new Town(2);
      town.links[1]!.cut('silent');
      town.server.broadcast(bytesOf(length, 5));
      town.clock.advance(1000); // The first one has acknowledged it.
      const own = length === 2048 ? 40 : 280_000;
      for (let n = 0; n < 3; n++) town.incoming[0]!.write(bytesOf(own, 6));
      town.clock.advance(60_000);
      expect(town.got[1]).toEqual([shown(bytesOf(length, 5))]);
    },
  );

  test('[RES-10] one at its bound is refused by name, one that is behind is named, and others get the message', () => {
    const limits = { messageBytesMax: 1000, sendBytesMax: 6000, sendBytesHigh: 3000, receiveBytesMax: 3000 };
    const town = new Town(3, { slow: new Set([1]), ...options(limits) });
    const results = Array.from({ length: 10 }, (_, n) => {
      const result = town.server.broadcast(bytesOf(900, n));
      town.clock.advance(1000);
      return result;
    });
    const slow = town.incoming[1]!;
    const refusals = results.flatMap(({ refused }) => refused);
    expect(refusals.length).toBeGreaterThan(0);
    for (const { connection, error } of refusals) expect([connection, error.code]).toEqual([slow, 'queue-full']);
    expect(new Set(results.flatMap(({ behind }) => behind))).toEqual(new Set([slow]));
    for (const { accepted, refused } of results) expect(accepted.length + refused.length).toBe(3);
    expect([town.got[0]!.length, town.got[2]!.length]).toEqual([10, 10]);
    expect(slow.stats()['queuedBytes']).toBeLessThanOrEqual(6000); // Each message counts whole, though it is shared.
  });

  test('the bound of all connections together counts every reference', () => {
    const town = new Town(3, { limits: { bytesQueuedMax: 2500 } });
    for (const link of town.links) link.cut('silent');
    const { accepted, refused } = town.server.broadcast(bytesOf(1000, 1));
    expect(accepted).toHaveLength(2);
    expect(refused.map(({ error }) => error.code)).toEqual(['queue-full']);
  });

  test('[RES-14] a session without a wire gets it when it comes back', () => {
    const town = new Town(2);
    town.links[0]!.cut('both', { withinMs: 0 });
    town.clock.advance(1);
    expect(town.server.broadcast(bytesOf(500, 9)).accepted).toHaveLength(2);
    town.clock.advance(20_000);
    expect(town.got).toEqual([[shown(bytesOf(500, 9))], [shown(bytesOf(500, 9))]]);
  });

  test('one that is closing is left out, and named where it was asked for', async () => {
    const town = new Town(2);
    void town.incoming[0]!.close();
    expect(town.server.broadcast(bytesOf(1, 1)).accepted).toEqual([town.incoming[1]]);
    const { accepted, refused } = town.server.broadcast(bytesOf(1, 2), { to: town.incoming });
    expect([accepted, refused.map(({ connection, error }) => [connection, error.code])]).toEqual([
      [town.incoming[1]],
      [[town.incoming[0], 'closed']],
    ]);
    town.clock.advance(10_000);
    expect(town.server.broadcast(bytesOf(1, 3), { to: new Set([town.incoming[0]!]) }).refused).toHaveLength(1);
  });

  test.each([['text'], [[1, 2]], [null]])('%p is no message: every connection refuses it, and none gets anything', (message) => {
    const town = new Town(2);
    const { accepted, refused } = town.server.broadcast(message as unknown as Uint8Array);
    expect([accepted, refused.map(({ error }) => error.code)]).toEqual([[], ['not-a-message', 'not-a-message']]);
  });

  test.each([[{ to: 3 }], [{ to: {} }], [{ too: [] }], [7]])('%p are no options', (given) => {
    const town = new Town(1);
    expect(() => town.server.broadcast(bytesOf(1, 1), given as never)).toThrow(/^broadcast/);
  });

  test('an engine without connections tells so', () => {
    expect(new Town(0).server.broadcast(bytesOf(1, 1))).toEqual({ accepted: [], behind: [], refused: [] });
  });

  test('[POOL-1] protocols without a log of their own get a copy each', () => {
    const ids = ['a1', 'b2', 'c3'].map((id) => id.repeat(32));
    const town = new Town(2, { protocolOf: () => pool({ identity: 'stated', id: ids.pop()! }) as Protocol<unknown> });
    expect(town.server.broadcast(bytesOf(2000, 1)).accepted).toHaveLength(2);
    town.clock.advance(100);
    expect(town.got).toEqual([[shown(bytesOf(2000, 1))], [shown(bytesOf(2000, 1))]]);
  });
});
