import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrustFile } from '../../adapters/identity/index.js';

const [a, b, c] = ['a', 'b', 'c'].map((each) => each.repeat(64)) as [string, string, string];

let home: string;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-'));
  path = join(home, 'trusted');
});
afterEach(() => rm(home, { recursive: true }));

describe('identity/trust file: the file of trusted peers', () => {
  test('that is not there trusts no peer, and appears with the first one', async () => {
    const trust = await TrustFile.open(path);
    expect(trust.has(a)).toBe(false);
    trust.add(a.toUpperCase(), 'the  pump\nin the cellar');
    expect(trust.has(`sha256:${a}`)).toBe(true);
    await trust.written();
    expect(await readFile(path, 'utf8')).toBe(`${a}  the pump in the cellar\n`);
    expect((await TrustFile.open(path)).has(a)).toBe(true);
  });

  test('keeps comments and order, and forgets who is removed', async () => {
    await writeFile(path, `# those in the cellar\r\n${a} pump\n\n${b}\n# the end\n`);
    const trust = await TrustFile.open(path);
    trust.remove(a);
    trust.remove(c);
    trust.add(c);
    await trust.written();
    expect([trust.has(a), trust.has(b), trust.has(c)]).toEqual([false, true, true]);
    expect(await readFile(path, 'utf8')).toBe(`# those in the cellar\n${b}\n# the end\n${c}\n`);
  });

  test('is whole at any moment, and without drafts at the end, however many changes come at once', async () => {
    const trust = await TrustFile.open(path);
    const peers = Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(64, '0'));
    for (const [i, each] of peers.entries()) {
      trust.add(each);
      if (i % 10 === 0) await trust.written();
      const lines = (await readFile(path, 'utf8')).trim().split('\n');
      expect({ i, lines }).toEqual({ i, lines: peers.slice(0, lines.length) });
    }
    await trust.written();
    expect(await readFile(path, 'utf8')).toBe(peers.map((each) => `${each}\n`).join(''));
    expect(await readdir(home)).toEqual(['trusted']);
  });

  test('names the line it can not read', async () => {
    await writeFile(path, `${a}\n# fine\nabc\n`);
    await expect(TrustFile.open(path)).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining(`${path}:3: bad fingerprint "abc"`) as string,
    });
  });

  test('refuses what names no peer, and more than it may hold', async () => {
    const trust = await TrustFile.open(path, { linesMax: 2 });
    expect(() => trust.add('abc')).toThrow('expected 64 hex digits');
    expect(trust.has('abc')).toBe(false);
    trust.add(a);
    trust.add(b);
    trust.add(a);
    expect(() => trust.add(c)).toThrow(expect.objectContaining({ code: 'too-large' }) as Error);
    await trust.written();
    await writeFile(path, `${a}\n${b}\n${c}\n`);
    await expect(TrustFile.open(path, { linesMax: 2 })).rejects.toThrow('more than 2 lines');
    await writeFile(path, Buffer.alloc(3000, 0x20));
    await expect(TrustFile.open(path, { linesMax: 2 })).rejects.toThrow('3000 bytes are more than 2048');
  });

  test('goes on from memory when it can not be written, and says so', async () => {
    const failures: Error[] = [];
    const trust = await TrustFile.open(join(home, 'gone', 'trusted'), { onWriteFailed: (error) => failures.push(error) });
    trust.add(a);
    await trust.written();
    expect(trust.has(a)).toBe(true);
    expect(failures).toMatchObject([{ code: 'ENOENT' }]);
  });

  test('takes other names than fingerprints', async () => {
    const trust = await TrustFile.open(path, { parse: (text) => text.toLowerCase().replace(/-/g, '') });
    trust.add('AB-CD');
    expect(trust.has('abcd')).toBe(true);
    await trust.written();
  });
});
