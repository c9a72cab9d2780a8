import fc from 'fast-check';
import { ByteBudget } from '../../machines/dataplane/byte-budget.js';
import { isLoopbackHost } from '../../machines/loopback.js';
import { LIMITS, Watermark, admitConnection } from '../../machines/hub/admission.js';
import { PendingTable, hostOf } from '../../machines/hub/accept/opening-limits.js';

describe('hub/admission: connections', () => {
  const limits = { connectionsMax: 10, connectionsPerPeerMax: 3 };

  test('connections up to the limit are accepted, the next is refused', () => {
    expect(admitConnection(limits, { connections: 9 })).toBe('admit');
    expect(admitConnection(limits, { connections: 10 })).toBe('limit-reached');
  });

  test('one peer cannot have them all', () => {
    expect(admitConnection(limits, { connections: 5, ofPeer: 2 })).toBe('admit');
    expect(admitConnection(limits, { connections: 5, ofPeer: 3 })).toBe('peer-limit-reached');
    expect(admitConnection({ connectionsMax: 10 }, { connections: 9, ofPeer: 9 })).toBe('admit');
  });

  test('a known peer that replaces its own connection is never refused', () => {
    expect(admitConnection(limits, { connections: 10, ofPeer: 3, replaces: true })).toBe('admit');
  });
});

describe('hub/admission: pending openings', () => {
  const filled = (count: number, addressOf: (i: number) => string): PendingTable<number> => {
    const openings = new PendingTable<number>();
    for (let i = 0; i < count; i++) expect(openings.enter(i, addressOf(i))).toEqual({ word: 'admit' });
    return openings;
  };
  const spread = (i: number): string => `10.${i >> 8}.${i & 255}.1:5000`;

  test('a thousand dialers do not keep an honest one out: the oldest gives way, whatever it has said', () => {
    const openings = filled(1024, spread);
    expect(openings.enter(2000, '192.0.2.1:1')).toEqual({ word: 'evict-oldest', oldest: 0 });
    expect(openings.enter(2001, '192.0.2.2:1')).toEqual({ word: 'evict-oldest', oldest: 1 });
    openings.leave(5);
    expect(openings.enter(2002, '192.0.2.3:1')).toEqual({ word: 'admit' });
    expect(openings.size).toBe(1024);
  });

  test('one address has 16, whatever its port, and its own oldest gives way', () => {
    const openings = new PendingTable<string>();
    openings.enter('other', '192.0.2.9:1');
    for (let i = 0; i < 16; i++) expect(openings.enter(`a${i}`, `192.0.2.1:${i}`)).toEqual({ word: 'admit' });
    expect(openings.enter('a16', '192.0.2.1:99')).toEqual({ word: 'evict-oldest', oldest: 'a0' });
    expect(openings.enter('a17', '[::ffff:192.0.2.1]:99')).toEqual({ word: 'evict-oldest', oldest: 'a1' });
    expect(openings.enter('other2', '192.0.2.2:7')).toEqual({ word: 'admit' });
  });

  test('strangers, however many, displace no session that waits; those have a reserve of one in eight beside the others', () => {
    const openings = filled(1024, spread);
    for (let i = 0; i < 128; i++) expect(openings.enter(5000 + i, `192.0.2.${i}:1`, true)).toEqual({ word: 'admit' });
    for (let i = 0; i < 3000; i++) {
      const result = openings.enter(10_000 + i, spread(i));
      expect(result).toMatchObject({ word: 'evict-oldest' });
      if (result.word === 'evict-oldest') expect(result.oldest < 5000 || result.oldest >= 10_000).toBe(true);
    }
    expect(openings.enter(6000, '198.51.100.1:1', true)).toEqual({ word: 'evict-oldest', oldest: 5000 });
    expect(openings.size).toBe(1024 + 128);
  });

  test('a whole IPv6 /64 counts as one address', () => {
    const openings = new PendingTable<number>({ openingsPerAddressMax: 1 });
    openings.enter(1, '[2001:db8:0:1::a]:1');
    expect(openings.enter(2, '[2001:0db8::1:ffff:0:0:b]:1')).toEqual({ word: 'evict-oldest', oldest: 1 });
    expect(openings.enter(3, '[2001:db8:0:2::a]:1')).toEqual({ word: 'admit' });
    expect(openings.enter(4, '[2001:db8::]:1')).toEqual({ word: 'admit' });
  });

  test.each(['127.0.0.1:80', '127.9.9.9:80', '[::1]:80', '[::ffff:127.0.0.1]:80', 'memory', 'a:1'])(
    'loopback (%s) has no cap of its own',
    (address) => {
      filled(1000, () => address);
    },
  );

  test.each(['10.0.0.1:80', '[fe80::1%eth0]:80', '[2001:db8::1]:80', '127.0.0.1.example.org:80'])(
    '%s is not loopback',
    (address) => {
      expect(isLoopbackHost(hostOf(address))).toBe(false);
    },
  );

  test('leaving twice, or never having been in, does no harm', () => {
    const openings = filled(2, () => '192.0.2.1:1');
    openings.leave(0);
    openings.leave(0);
    openings.leave(77);
    expect(openings.size).toBe(1);
  });

  test('random runs: bounds hold, and results are those of a plain list', () => {
    const deed = fc.record({
      what: fc.constantFrom('enter', 'enter', 'leave'),
      address: fc.constantFrom('127.0.0.1:1', '10.0.0.1:1', '10.0.0.2:1'),
      pick: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 100 }), (deeds) => {
        const openings = new PendingTable<number>({ openingsMax: 6, openingsPerAddressMax: 3 });
        let model: { id: number; address: string }[] = [];
        deeds.forEach(({ what, address, pick }, id) => {
          const one = model[pick % Math.max(1, model.length)];
          if (what === 'leave' && one !== undefined) {
            openings.leave(one.id);
            model = model.filter((other) => other !== one);
          } else {
            const here = model.filter((other) => other.address === address);
            const isFullHere = address !== '127.0.0.1:1' && here.length >= 3;
            const full = isFullHere ? here : model.length >= 6 ? model : undefined;
            const oldest = full?.[0];
            const word = oldest === undefined ? 'admit' : 'evict-oldest';
            expect(openings.enter(id, address)).toEqual(oldest === undefined ? { word } : { word, oldest: oldest.id });
            model = [...model.filter((other) => other !== oldest), { id, address }];
          }
          expect(openings.size).toBe(model.length);
        });
      }),
      { seed: 9, numRuns: 500 },
    );
  });
});

describe('hub/admission: bytes queued', () => {
  test('1 GiB over the whole engine; the message that would exceed it does not fit', () => {
    const budget = new ByteBudget();
    expect(budget.bytesMax).toBe(LIMITS.bytesQueuedMax);
    expect(budget.fits(2 ** 30)).toBe(true);
    expect(budget.fits(2 ** 30 + 1)).toBe(false);
    budget.adjust(2 ** 30);
    expect([budget.bytes, budget.fits(1)]).toEqual([2 ** 30, false]);
    budget.adjust(-1);
    expect(budget.fits(1)).toBe(true);
  });
});

describe('hub/admission: the warning at 80 %', () => {
  test('comes once per crossing, however the count flutters', () => {
    const mark = new Watermark(10);
    const said = [7, 8, 7, 8, 9, 10, 7, 8, 6, 7, 8, 9].map((count) => mark.update(count));
    expect(said).toEqual([
      ...[undefined, 'near', undefined, undefined, undefined, undefined, undefined, undefined],
      ...['relieved', undefined, 'near', undefined],
    ]);
  });

  test('an empty hub is never near its limit', () => {
    expect(new Watermark(1).update(0)).toBeUndefined();
    expect(new Watermark(0).update(0)).toBeUndefined();
    expect(new Watermark(1).update(1)).toBe('near');
  });
});
