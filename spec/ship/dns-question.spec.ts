import { questionPackets } from '../../adapters/ship/dns-question.js';
import type { DnsQuestion } from '../../adapters/ship/mdns-network.js';

const ascii = (packet: Uint8Array | undefined): string => Buffer.from(packet ?? []).toString('latin1');

describe('SHIP/dns question: mDNS questions', () => {
  test('keep a label with dots in one piece', () => {
    const [packet] = questionPackets([
      { name: 'EVSE 2.0._ship._tcp.local', labels: ['EVSE 2.0', '_ship', '_tcp', 'local'], type: 'SRV' },
      { name: '_ship._tcp.local', type: 'PTR' },
    ]);
    expect(ascii(packet)).toBe(
      '\0\0\0\0\0\x02\0\0\0\0\0\0\x08EVSE 2.0\x05_ship\x04_tcp\x05local\0\0\x21\0\x01\x05_ship\x04_tcp\x05local\0\0\x0c\0\x01',
    );
  });

  test('count the bytes of a label, not its characters', () => {
    const [packet] = questionPackets([{ name: 'Wärme.local', type: 'A' }]);
    expect(Buffer.from(packet!).subarray(12, 19)).toEqual(Buffer.from('\x06Wärme'));
  });

  test('take as many packets as they need, none above 1400 bytes', () => {
    const many = Array.from({ length: 100 }, (_, i): DnsQuestion => ({ name: `${'x'.repeat(40)}${i}.local`, type: 'ANY' }));
    const packets = questionPackets(many);
    expect(packets.length).toBeGreaterThan(1);
    expect(Math.max(...packets.map(({ length }) => length))).toBeLessThanOrEqual(1400);
    expect(packets.reduce((sum, each) => sum + Buffer.from(each).readUInt16BE(4), 0)).toBe(100);
  });

  test('leave out what DNS has no room for, and nothing else', () => {
    const long = [`${'x'.repeat(64)}.local`, Array.from({ length: 9 }, () => 'y'.repeat(30)).join('.')];
    const questions = [...long, `${'z'.repeat(63)}.local`].map((name): DnsQuestion => ({ name, type: 'TXT' }));
    expect(questionPackets(questions).map(ascii).join()).toMatch(/^.{12}\?z{63}\x05local/s);
    expect(questionPackets(questions.slice(0, 2))).toEqual([]);
  });
});
