import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadIdentity, makeIdentity, saveIdentity } from '../../adapters/identity/index.js';

let home: string;
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'holdfast-'))));
afterEach(() => rm(home, { recursive: true }));

describe('identity/store: the directory of an identity', () => {
  test('gives back what was saved, and leaves no drafts', async () => {
    const identity = await makeIdentity();
    const directory = join(home, 'a', 'b');
    await saveIdentity(directory, identity);
    expect(await loadIdentity(directory)).toEqual(identity);
    expect((await readdir(directory)).sort()).toEqual(['cert.pem', 'key.pem']);
  });

  // Windows has no such bits: what a key file there inherits is up to its folder. Counted as skipped.
  const onPosix = process.platform === 'win32' ? test.skip : test;
  onPosix('shows the key to its owner alone', async () => {
    await saveIdentity(home, await makeIdentity());
    expect((await stat(join(home, 'key.pem'))).mode & 0o777).toBe(0o600);
  });

  test('keeps the identity it has, unless told to replace it', async () => {
    const [first, second] = [await makeIdentity(), await makeIdentity()];
    await saveIdentity(home, first);
    await expect(saveIdentity(home, second)).rejects.toThrow('already holds an identity');
    expect(await loadIdentity(home)).toEqual(first);
    await saveIdentity(home, second, { replace: true });
    expect(await loadIdentity(home)).toEqual(second);
  });

  test('says which file is missing and how to make one', async () => {
    await expect(loadIdentity(home)).rejects.toMatchObject({
      code: 'bad-option',
      message: `no identity in ${home}: key.pem is missing; \`holdfast cert --out ${home}\` makes one`,
    });
  });

  test('says when the two files do not belong together, or are damaged', async () => {
    await saveIdentity(home, await makeIdentity());
    await writeFile(join(home, 'cert.pem'), (await makeIdentity()).certificate);
    await expect(loadIdentity(home)).rejects.toThrow(`bad identity in ${home}: the private key does not belong`);
    await writeFile(join(home, 'cert.pem'), 'x');
    await expect(loadIdentity(home)).rejects.toThrow("the certificate can't be read");
  });

  test('says when it can not be written', async () => {
    await writeFile(join(home, 'file'), '');
    await expect(saveIdentity(join(home, 'file', 'below'), await makeIdentity())).rejects.toMatchObject({ code: 'bad-option' });
  });
});
