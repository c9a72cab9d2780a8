import { CALM } from './network.options.js';
import { Tap, TappedNetwork } from './tapped-network.js';

describe('simulation/network faults: silence', () => {
  test('in one direction swallows nothing for good: what was held back arrives after it, in order', () => {
    const world = new TappedNetwork(1, {});
    const [near, far] = world.pair();
    const end = world.network.silence('a', 'b');
    near.wire.send(Buffer.from('held '));
    far.wire.send(Buffer.from('heard'));
    world.rest();
    near.wire.send(Buffer.from('back'));
    near.wire.close();
    world.rest();
    expect([String(far.received), String(near.received)]).toEqual(['', 'heard']);
    expect([near.end.slice(0, 5), far.end]).toEqual(['bytes', 'open']);
    end();
    end();
    world.rest();
    expect([String(far.received), far.end, near.end]).toEqual(['held back', 'close ended', 'close aborted']);
  });

  test('of one wire leaves the others alone', () => {
    const world = new TappedNetwork(1);
    const [near, far, link] = world.pair();
    const [near2, far2] = world.pair();
    const end = link.silence();
    for (const each of [near, far, near2, far2]) each.wire.send(Buffer.from('x'));
    world.rest();
    expect([near, far, near2, far2].map((each) => String(each.received))).toEqual(['', '', 'x', 'x']);
    end();
    world.rest();
    expect([near, far].map((each) => String(each.received))).toEqual(['x', 'x']);
  });

  test('lets a dial hang until it gives up, or until the silence is over', () => {
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const world = new TappedNetwork(1);
      const end = world.network.silence(from, to);
      const hangs = world.dial();
      world.rest(2999);
      expect(hangs.heard).toEqual([]);
      const waits = world.dial();
      world.rest(1);
      expect(hangs.heard).toEqual(['close unreachable ETIMEDOUT']);
      world.rest(1000);
      end();
      world.rest(1000);
      expect(waits.heard).toEqual(['open']);
      expect(world.accepted.at(-1)!.heard).toEqual(['open']);
    }
  });

  test('is a silent partition, or all ends are reset', () => {
    const silent = new TappedNetwork(1);
    const [near, far] = silent.pair();
    const heal = silent.network.partition(['a'], ['b', 'c']);
    for (const each of [near, far]) each.wire.send(Buffer.from('x'));
    silent.rest();
    expect([near.heard, far.heard]).toEqual([['open'], ['open']]);
    heal();
    silent.rest();
    expect([near.heard, far.heard]).toEqual([
      ['open', 'bytes 1'],
      ['open', 'bytes 1'],
    ]);
    const told = new TappedNetwork(1);
    const pair = told.pair();
    const mend = told.network.partition(['b'], ['a'], 'told');
    const dialer = told.dial();
    told.rest();
    expect([pair[0].end, pair[1].end, dialer.end]).toEqual([
      'close reset ECONNRESET',
      'close reset ECONNRESET',
      'close unreachable EHOSTUNREACH',
    ]);
    mend();
    told.pair();
    const dark = told.network.dark();
    expect(told.dial().heard).toEqual([]);
    dark();
    told.pair();
  });
});

describe('simulation/network faults: a dial', () => {
  test('is refused where there is no listener, for a time, and by the acceptor with its reason', () => {
    const world = new TappedNetwork(1);
    const none = world.dial('sim://b:2');
    world.network.refuse('b', 100);
    const early = world.dial();
    world.rest();
    world.takes = false;
    const sentAway = world.dial();
    world.rest(100);
    expect(sentAway.heard).toEqual([]);
    world.offers[0]!.refuse({ code: 'busy', retryAfterMs: 1500 });
    world.rest();
    expect([none.heard, early.heard, sentAway.heard]).toEqual([
      ['close refused ECONNREFUSED'],
      ['close refused ECONNREFUSED'],
      ['close refused busy 1500'],
    ]);
    expect(() => world.offers[0]!.refuse({ code: 'busy', retryAfterMs: 0 })).toThrow('an offer is answered once');
    expect([world.network.counts.refused, world.network.links.size]).toEqual([3, 0]);
  });

  test('can be open before it was accepted, and then a refusal is an end', () => {
    const world = new TappedNetwork(1, { ...CALM, opensEarly: 1 });
    world.takes = false;
    const near = world.dial();
    world.rest();
    near.wire.send(Buffer.from('early'));
    world.rest();
    expect(String(world.take(world.offers[0]!).received)).toBe('');
    world.rest();
    expect(String(world.accepted[0]!.received)).toBe('early');
    const sentAway = world.dial();
    world.rest();
    world.offers[1]!.refuse({ code: 'busy', retryAfterMs: 1 });
    world.rest();
    expect(sentAway.heard[0]).toBe('open');
    expect(['close ended', 'close reset ECONNRESET']).toContain(sentAway.end);
  });

  test('of an unknown host has no address; of another key it is no use', () => {
    const world = new TappedNetwork(1);
    world.network.host('b').identity = { fingerprint: 'f'.repeat(64) };
    const unknown = world.dial('sim://nowhere:1');
    const wrong = world.dial('sim://b:1', ['0'.repeat(64)]);
    const right = world.dial('sim://b:1', ['0'.repeat(64), 'f'.repeat(64)]);
    world.rest(100);
    expect([unknown.heard, wrong.heard, right.heard]).toEqual([
      ['close resolve-failed ENOTFOUND'],
      ['close identity-mismatch'],
      ['open'],
    ]);
    expect(right.wire.identity?.fingerprint).toBe('f'.repeat(64));
    expect([right.wire.remoteAddress, world.offers[0]!.remoteAddress]).toEqual(['b:1', 'a:10003']);
  });
});

describe('simulation/network faults: a host', () => {
  test('that is stopped takes nothing until it runs again, and its peers get nothing', () => {
    const world = new TappedNetwork(1, { ...CALM, opensEarly: 1 });
    const [near, far] = world.pair();
    near.wire.send(Buffer.from('are you '));
    world.network.host('b').process!.freeze(30_000);
    near.wire.send(Buffer.from('there?'));
    const late = world.dial();
    world.rest(29_000);
    expect([far.heard, near.heard, late.heard, world.accepted.length]).toEqual([['open'], ['open'], ['open'], 1]);
    world.rest(2000);
    expect([far.end, world.accepted.length]).toEqual(['bytes 14', 2]);
    expect(world.network.counts.held).toBeGreaterThan(0);
  });

  test('whose network comes up anew has lost its wires and its listeners', () => {
    const world = new TappedNetwork(1);
    const [near, far] = world.pair();
    world.network.restart('b');
    const refused = world.dial();
    world.rest();
    expect([near.end, far.end, refused.end]).toEqual([
      'close reset ECONNRESET',
      'close reset ECONNRESET',
      'close refused ECONNREFUSED',
    ]);
    expect(world.story).toContain('b failed ENETDOWN');
    world.listen();
    const [again] = world.pair();
    world.network.restart('a'); // Its process lives on, and may dial by the transport it has.
    world.rest();
    expect(again.end).toBe('close reset ECONNRESET');
    world.pair();
  });

  test('that crashes gets nothing any more; its peers are reset, or after a power cut not even that', () => {
    for (const how of ['crash', 'power'] as const) {
      const world = new TappedNetwork(1);
      const [near, far] = world.pair();
      const old = world.network.transport('b');
      const fired: string[] = [];
      world.network.host('b').process!.setTimeout(() => fired.push('a timer of the dead'), 5);
      world.network.restart('b', how);
      far.wire.send(Buffer.from('from the grave'));
      const undead = new Tap(world);
      old.dial('sim://a:1')(undead);
      world.rest();
      expect([far.heard, undead.heard, fired]).toEqual([['open'], [], []]);
      expect(near.heard).toEqual(how === 'crash' ? ['open', 'close reset ECONNRESET'] : ['open']);
      if (how === 'power') near.wire.send(Buffer.from('anybody?'));
      world.rest();
      expect([near.end, world.network.links.size]).toEqual(['close reset ECONNRESET', 0]);
      world.listen();
      world.pair();
    }
  });
});
