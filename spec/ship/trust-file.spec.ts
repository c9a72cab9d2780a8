import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShipTrustFile } from '../../adapters/ship/trust-file.js';
import { memoryTrust, type ShipTrust, type TrustedService } from '../../adapters/ship/trust.js';

const [a, b, c] = ['a', 'b', 'c'].map((each) => each.repeat(40)) as [string, string, string];

let home: string;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-'));
  path = join(home, 'trust.json');
});
const makers: readonly (readonly [name: string, make: () => Promise<ShipTrust>])[] = [
  ['in memory', () => Promise.resolve(memoryTrust())],
  ['on disk', async () => (onDisk = await ShipTrustFile.open(path))],
];
let onDisk: ShipTrustFile | undefined;
afterEach(async () => {
  await onDisk?.written();
  await rm(home, { recursive: true });
});
describe.each(makers)('SHIP/trust file: trust %s', (_, make) => {
  test('remembers services and what they are called', async () => {
    const trust = await make();
    expect([...trust.values()]).toEqual([]);
    trust.set({ ski: a });
    trust.set({ ski: b, shipId: 'i:1' });
    expect([trust.has(a), trust.has(b), trust.has(c)]).toEqual([true, true, false]);
    expect([trust.get(a), trust.get(b), trust.get(c)]).toEqual([{ ski: a }, { ski: b, shipId: 'i:1' }, undefined]);
    expect([...trust.values()]).toEqual([{ ski: a }, { ski: b, shipId: 'i:1' }]);
  });

  test('learns a SHIP id, forgets it, and forgets a service', async () => {
    const trust = await make();
    trust.set({ ski: a });
    trust.set({ ski: a, shipId: 'i:2' });
    expect(trust.get(a)).toEqual({ ski: a, shipId: 'i:2' });
    trust.set({ ski: a });
    expect(trust.get(a)).toEqual({ ski: a });
    trust.remove(a);
    trust.remove(c);
    expect([...trust.values()]).toEqual([]);
  });
});

describe('SHIP/trust file: trust on disk', () => {
  test('is there again after a restart, readable by people, with the mode of a private file', async () => {
    const trust = await ShipTrustFile.open(path);
    trust.set({ ski: a.toUpperCase(), shipId: 'i:1 "x"\n' });
    trust.set({ ski: b });
    await trust.written();
    expect(trust.failure).toBeUndefined();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      format: 'holdfast-ship-trust',
      version: 1,
      services: [{ ski: a, shipId: 'i:1 "x"\n' }, { ski: b }],
    });
    const again = await ShipTrustFile.open(path);
    expect([...again.values()]).toEqual([...trust.values()]);
  });

  test('knows a SKI in any spelling, and trusts nothing that is none', async () => {
    await writeFile(path, file([{ ski: ` ${a.toUpperCase().replace(/.{4}/g, '$& ')}` }]));
    const trust = await ShipTrustFile.open(path);
    expect([trust.has(a), trust.has(a.toUpperCase()), trust.has(a.replace(/.{4}(?=.)/g, '$&-')), trust.has('x')]).toEqual([true, true, true, false]); // prettier-ignore
    expect(() => trust.set({ ski: 'x' })).toThrow('bad SKI "x"');
    trust.remove('x');
    trust.remove(a.toUpperCase());
    expect(trust.has(a)).toBe(false);
    await trust.written();
    expect([...(await ShipTrustFile.open(path)).values()]).toEqual([]);
  });

  test('keeps what a later version has added to a service', async () => {
    await writeFile(path, file([{ ski: a, shipId: 'i:1', autoAccepted: true }]));
    const trust = await ShipTrustFile.open(path);
    trust.set({ ski: a, shipId: 'i:2' });
    await trust.written();
    const again = await ShipTrustFile.open(path);
    expect([...again.values()]).toEqual([{ ski: a, shipId: 'i:2', autoAccepted: true }]);
  });

  test('is whole at any moment, and without drafts at the end, however many changes come at once', async () => {
    const trust = await ShipTrustFile.open(path);
    const skis = Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(40, '0'));
    for (const ski of skis) {
      trust.set({ ski });
      if (Number.parseInt(ski, 16) % 7 !== 0) continue;
      await trust.written();
      const seen = await ShipTrustFile.open(path);
      expect([...seen.values()].at(-1)).toEqual({ ski });
    }
    await trust.written();
    expect([...(await ShipTrustFile.open(path)).values()]).toHaveLength(50);
    expect(await readdir(home)).toEqual(['trust.json', 'trust.json.lock']);
  });

  test('is full at its bound, and still takes what it knows', async () => {
    const trust = await ShipTrustFile.open(path, { servicesMax: 1 });
    trust.set({ ski: a });
    expect(() => trust.set({ ski: b })).toThrow('trusts as many as it may hold (1 services)');
    trust.set({ ski: a, shipId: 'i:1' });
    await trust.written();
    await writeFile(path, file([{ ski: a }, { ski: b }]));
    await expect(ShipTrustFile.open(path, { servicesMax: 1 })).rejects.toThrow('more than 1 services');
  });

  test('says so when it can not be written, keeps the change, and tries again with the next', async () => {
    const failures: Error[] = [];
    const inside = join(home, 'later');
    await mkdir(inside);
    const trust = await ShipTrustFile.open(join(inside, 'trust.json'), { onWriteFailed: (error) => failures.push(error) });
    await rm(inside, { recursive: true });
    trust.set({ ski: a });
    await trust.written();
    expect({ has: trust.has(a), failures: failures.length, failure: trust.failure?.message }).toEqual({ has: true, failures: 1, failure: expect.stringContaining('ENOENT') as unknown }); // prettier-ignore
    await mkdir(inside);
    trust.set({ ski: b });
    await trust.written();
    expect(trust.failure).toBeUndefined();
    expect([...(await ShipTrustFile.open(join(inside, 'trust.json'))).values()]).toEqual([{ ski: a }, { ski: b }]);
  });

  const corrupt: readonly (readonly [what: string, text: string, reason: string])[] = [
    ['empty', '', 'it is empty; remove it to begin without trusted peers'],
    ['cut short', file([{ ski: a }]).slice(0, -10), 'JSON'],
    ['no JSON', 'ski: x', 'JSON'],
    ['another JSON', '[]', 'the whole: '],
    ['another format', '{"format":"x","version":1,"services":[]}', "format: expected 'holdfast-ship-trust'"],
    [
      'of a later version',
      '{"format":"holdfast-ship-trust","version":2,"services":[]}',
      'version: only version 1 can be read here',
    ],
    ['without services', '{"format":"holdfast-ship-trust","version":1}', 'services: expected a list'],
    ['with a service that is none', file([{ ski: a }, 'b']), 'services.1: '],
    [
      'with a SKI that is none',
      file([{ ski: a }, { ski: 'abc' }]),
      'services.1.ski: bad SKI "abc": expected 40 hex digits, got 3',
    ],
    ['with a number for a SKI', file([{ ski: 7 }]), 'services.0.ski: expected 40 hex digits'],
    ['with an empty SHIP id', file([{ ski: a, shipId: '' }]), 'services.0.shipId: expected a SHIP id'],
    ['with a SKI that comes twice', file([{ ski: a }, { ski: a.toUpperCase() }]), `the SKI ${a} comes twice`],
  ];
  test.each(corrupt)('%s is refused by name and place, and left as it is', async (_, text, reason) => {
    await writeFile(path, text);
    const refusal = await ShipTrustFile.open(path).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(refusal).toContain(`can't understand the trusted services in ${path}: `);
    expect(refusal).toContain(reason);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('that is a directory, or too large, is refused unread', async () => {
    await expect(ShipTrustFile.open(home)).rejects.toThrow(`can't read trusted peers from ${home}`);
    await writeFile(path, ' '.repeat((16 << 20) + 1));
    await expect(ShipTrustFile.open(path)).rejects.toThrow('16777217 bytes are more than 16777216');
  });
});

function file(services: readonly (TrustedService | object | string)[]): string {
  return JSON.stringify({ format: 'holdfast-ship-trust', version: 1, services });
}
