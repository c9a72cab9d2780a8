import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkTakesFiles, makeDirectory, readRegular } from '../../adapters/identity/directories.js';
import { loadIdentity, makeIdentity, saveIdentity, TrustFile, type OwnIdentity } from '../../adapters/identity/index.js';
import { ShipTrustFile } from '../../adapters/ship/index.js';

const isUnix = process.platform !== 'win32';
const isLinux = process.platform === 'linux';
let home: string;
let identity: OwnIdentity;
beforeAll(async () => {
  identity = await makeIdentity();
  home = mkdtempSync(join(tmpdir(), 'holdfast-odd-'));
  writeFileSync(join(home, 'file'), 'x');
  mkdirSync(join(home, 'directory'));
  if (isUnix) execFileSync('mkfifo', [join(home, 'pipe')]);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Places where no directory can be made. Node's own `mkdir({ recursive: true })` never ends at those in `/proc`. */
const NO_DIRECTORY = ['', 'file', 'file/below', ...(isLinux ? ['/proc/x', '/proc/x/y/z', '/dev/null', '/dev/null/x'] : [])];
/** Places that hold no text of ours: reading a pipe would wait for its writer, and a device never ends. */
const NO_FILE = ['', 'directory', 'file/below', ...(isUnix ? ['pipe', '/dev/zero'] : [])];
const at = (place: string): string => (place === '' || place.startsWith('/') ? place : join(home, place));
/** The path is in the message, or the message says that there is none. */
const naming = (place: string): object => ({
  message: expect.stringContaining(place === '' ? 'empty text' : at(place).split('/').slice(0, 3).join('/')) as string,
});

describe('places on the disk that can’t be: an error names the place at once', () => {
  test.each(NO_DIRECTORY)('a directory at "%s"', async (place) => {
    await expect(makeDirectory(at(place))).rejects.toMatchObject(naming(place));
    const saved = saveIdentity(at(place), identity);
    await expect(saved).rejects.toMatchObject({ code: 'bad-option', ...naming(place) });
  });

  test.each(NO_FILE)('a file at "%s", where trusted peers or an identity are to be read', async (place) => {
    await expect(ShipTrustFile.open(at(place))).rejects.toMatchObject({ code: 'bad-option' });
    if (place !== 'file/below') await expect(TrustFile.open(at(place))).rejects.toMatchObject({ code: 'bad-option' });
    if (place !== '') await expect(readRegular(at(place), 100)).rejects.toMatchObject(naming(place));
  });

  test('a directory that is there, levels that are not, and two that make the same one', async () => {
    await makeDirectory(join(home, 'directory'));
    await Promise.all([
      makeDirectory(join(home, 'a/b/c')),
      makeDirectory(join(home, 'a/b/c')),
      makeDirectory(join(home, 'a/b/d/')),
    ]);
    expect(existsSync(join(home, 'a/b/c')) && existsSync(join(home, 'a/b/d'))).toBe(true);
    await saveIdentity(join(home, 'new/me'), identity);
    expect((await loadIdentity(join(home, 'new/me'))).fingerprint).toBe(identity.fingerprint);
  });

  test('an identity whose key is a pipe, or too large', async () => {
    mkdirSync(join(home, 'odd'));
    if (isUnix) {
      execFileSync('mkfifo', [join(home, 'odd/key.pem')]);
      await expect(loadIdentity(join(home, 'odd'))).rejects.toThrow('key.pem is not a regular file');
      rmSync(join(home, 'odd/key.pem'));
    }
    writeFileSync(join(home, 'odd/key.pem'), Buffer.alloc((1 << 20) + 1));
    await expect(loadIdentity(join(home, 'odd'))).rejects.toThrow('more than 1048576');
  });

  (isLinux ? test : test.skip)('a directory that takes no files, whatever its permissions say', async () => {
    await expect(checkTakesFiles('/proc')).rejects.toThrow('/proc');
    await checkTakesFiles(join(home, 'directory'));
  });

  const MAIN = join(__dirname, '../../dist/adapters/cli/main.js');
  (isLinux ? test : test.skip).each([
    ['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', '/proc/x'],
    ['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', '/proc'],
    ['cert', '--out', '/proc/x/y'],
    ['draw', '--out', '/proc/x'],
  ])('holdfast %s … fails with the place in its message', (...words) => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', timeout: 10_000 });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('/proc') as string });
  });
});
