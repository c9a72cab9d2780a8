import { constants } from 'node:fs';
import { mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Makes a directory and those above it; one that is there already stays. Node's own `mkdir({ recursive: true })` never ends where the
 * parent exists and takes no children (`/proc/x`): each level is tried twice here at most.
 *
 * @throws the file system's error, which names the path
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  if (path === '') throw new Error('expected the path of a directory, got an empty text');
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(resolve(path));
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code === 'EEXIST') throw new Error(`${path} is not a directory`, { cause: error });
    if (code !== 'ENOENT' || parent === resolve(path)) throw error;
    if (await isDirectory(parent)) throw error; // It is there, and takes no children.
    await makeDirectory(parent, mode);
    await mkdir(path, { mode }).catch((again: unknown) => {
      if ((again as NodeJS.ErrnoException).code !== 'EEXIST') throw again; // Another process was faster.
    });
  }
}

/** @throws the file system's error where no file can be made in this directory: tried, because permissions alone do not tell */
export async function checkTakesFiles(directory: string): Promise<void> {
  const path = join(directory, `.holdfast-${process.pid}-${process.hrtime.bigint()}`);
  await (await open(path, 'wx', 0o600)).close();
  await unlink(path);
}

/**
 * The text of a regular file. Opening a named pipe would wait for its writer, and a device never ends: neither is read.
 *
 * @throws the file system's error, or an Error that says what the path is instead, or how much too large it is
 */
export async function readRegular(path: string, bytesMax: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const about = await file.stat();
    if (!about.isFile()) throw new Error(`${path} is ${about.isDirectory() ? 'a directory' : 'not a regular file'}`);
    if (about.size > bytesMax) throw new Error(`${about.size} bytes are more than ${bytesMax}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (about) => about.isDirectory(),
    () => false,
  );
}
