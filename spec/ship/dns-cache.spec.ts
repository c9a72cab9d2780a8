import { DnsCache } from '../../adapters/ship/dns-cache.js';
import type { DnsRecord } from '../../adapters/ship/mdns-network.js';

const SERVICE = '_ship._tcp.local';
const txt = (text: string): DnsRecord => ({ name: `A.${SERVICE}`, type: 'TXT', ttl: 120, data: [Buffer.from(text)] });
const srv = (port: number): DnsRecord => ({ name: `a.${SERVICE}`, type: 'SRV', ttl: 120, data: { target: 'H.local', port } });
const ptr = (label: string, ttl = 120): DnsRecord => ({
  name: '_SHIP._tcp.Local',
  type: 'PTR',
  ttl,
  data: `${label}.${SERVICE}`,
});
const address = (data: string, flush = false): DnsRecord => ({ name: 'h.LOCAL', type: 'A', ttl: 120, flush, data });

describe('DNS cache: records of services', () => {
  test('is put together by name, in any case and order', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([address('192.0.2.1'), txt('x'), srv(1), ptr('A')], 0);
    expect(cache.instances(0)).toEqual([
      { label: 'A', target: 'H.local', port: 1, txt: [Buffer.from('x')], addresses: ['192.0.2.1'] },
    ]);
    expect(cache.missing(0)).toEqual([]);
    expect(cache.instances(119_999)).toHaveLength(1);
    expect(cache.nextExpiry()).toBe(120_000);
    expect([cache.instances(120_000), cache.nextExpiry()]).toEqual([[], undefined]);
  });

  test('is asked for by the label as it stands, whatever dots it holds', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('EVSE 2.0'), ptr('B')], 0);
    const labels = ['EVSE 2.0', '_ship', '_tcp', 'local'];
    expect(cache.missing(0)).toEqual([
      { name: `EVSE 2.0.${SERVICE}`, labels, type: 'SRV' },
      { name: `EVSE 2.0.${SERVICE}`, labels, type: 'TXT' },
      { name: `B.${SERVICE}`, type: 'SRV' },
      { name: `B.${SERVICE}`, type: 'TXT' },
    ]);
  });

  test('is the newest where there are several, also when an old one is said again', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('A'), srv(1), txt('x'), srv(2), txt('y')], 0);
    expect(cache.instances(0)[0]).toMatchObject({ port: 2, txt: [Buffer.from('y')] });
    cache.take([srv(1)], 1);
    expect(cache.instances(1)[0]).toMatchObject({ port: 1, txt: [Buffer.from('y')] });
  });

  test('is replaced by a flush, but for what comes in the same packet', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('A'), srv(1), txt('x'), address('192.0.2.1'), address('192.0.2.2')], 0);
    cache.take([address('192.0.2.3', true), address('192.0.2.4', true)], 0);
    expect(cache.instances(0)[0]?.addresses).toEqual(['192.0.2.3', '192.0.2.4']);
    cache.take([{ ...ptr('B'), flush: true }], 0);
    expect(cache.missing(0).map(({ name }) => name)).toEqual([`B.${SERVICE}`, `B.${SERVICE}`]);
    expect(cache.instances(0)).toHaveLength(1);
  });

  test('is forgotten on a goodbye', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('A'), srv(1), txt('x')], 0);
    cache.take([ptr('a', 0)], 5);
    expect(cache.instances(5)).toEqual([]);
  });

  test('is believed for 75 minutes at most', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('A', 2 ** 32 - 1)], 0);
    expect(cache.nextExpiry()).toBe(4_500_000);
  });

  test('is nothing of other services, and no address that was not asked for', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([{ ...ptr('A'), name: '_http._tcp.local' }, { ...srv(1), name: 'A._http._tcp.local' }, address('192.0.2.1')], 0);
    cache.take([{ name: SERVICE, type: 'PTR', ttl: 120, data: 'A._http._tcp.local' }], 0);
    expect(cache.nextExpiry()).toBeUndefined();
  });

  test('is bounded: instances, answers for one name, and records in all', () => {
    const cache = new DnsCache(SERVICE);
    cache.take([ptr('A'), txt('x'), ...Array.from({ length: 40 }, (_, i) => srv(i))], 0);
    expect(cache.instances(0)[0]?.port).toBe(31);
    cache.take(Array.from({ length: 300 }, (_, i) => ptr(`I${i}`)), 0); // prettier-ignore
    expect(new Set(cache.missing(0).map(({ name }) => name)).size).toBe(256);
    for (let i = 0; i < 200; i++) {
      cache.take(Array.from({ length: 32 }, (_, k): DnsRecord => ({ ...srv(k), name: `I${i}.${SERVICE}` })), 0); // prettier-ignore
    }
    // 1 TXT, 32 and 255 others are held; room is for 119 more names with all their 32 places, and a bit.
    const placeless = cache.missing(0).filter(({ type }) => type === 'SRV').length;
    expect(placeless).toBe(255 - Math.ceil((4096 - 1 - 32 - 256) / 32));
  });
});
