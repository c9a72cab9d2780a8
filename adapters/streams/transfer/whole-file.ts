import { close, constants, fstat, fsync, futimes, link, open, read, rename, unlink, write, type Stats } from 'node:fs';

/** A file that has arrived whole, and where it goes. */
export interface WholeFile {
  /** The temporary name. */
  readonly path: string;
  readonly target: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly mtimeMs: number | undefined;
  /** Replaces a file that has the target's name. */
  readonly mayReplace: boolean;
}

/** `taken`: there is a file of the temporary name. `unlinked`: the file is on the disk, and could not get its name by a link. */
export type Placed = 'placed' | 'taken' | { readonly unlinked: NodeJS.ErrnoException };

type Failure = NodeJS.ErrnoException | null;

/** A link that another process put there is not followed. */
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
/** For reading. A named pipe would wait here for its writer, and is no file anyway; files never wait. */
export const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Creates a file with its bytes, its time and its mode, forces it to the disk and renames it. One promise for all of it: seven
 * calls by `node:fs/promises` take twice the processor time, which for thousands of small files is most of it.
 *
 * @rule XFER-3
 */
export function placeWhole({ path, target, bytes, mode, mtimeMs, mayReplace }: WholeFile): Promise<Placed> {
  return new Promise((resolve, reject) => {
    let file = -1;
    const fail = (error: Error): void => {
      if (file < 0) return reject(error);
      close(file, () => reject(error));
    };
    /** The next call, unless the one before it failed. */
    const then =
      (next: () => void) =>
      (error: Failure): void =>
        error === null ? next() : fail(error);
    const rest = (from: number): void =>
      write(file, bytes, from, bytes.length - from, from, (error, written) => {
        if (error !== null) fail(error);
        else if (from + written < bytes.length) rest(from + written);
        else date();
      });
    const date = (): void => (mtimeMs === undefined ? force() : futimes(file, new Date(), new Date(mtimeMs), then(force)));
    const force = (): void => fsync(file, then(shut));
    const shut = (): void => {
      const open = file;
      file = -1; // Also a `close` that fails has closed it.
      close(open, then(name));
    };
    const name = (): void => {
      if (mayReplace) return rename(path, target, then(done));
      // Unlike `rename` it does not take a name that another file got meanwhile.
      link(path, target, (error) => (error === null ? unlink(path, then(done)) : resolve({ unlinked: error })));
    };
    const done = (): void => resolve('placed');
    open(path, CREATE, mode, (error, opened) => {
      if (error !== null) return error.code === 'EEXIST' ? resolve('taken') : reject(error);
      file = opened;
      if (bytes.length === 0) date();
      else rest(0);
    });
  });
}

/** The bytes read from the beginning of a file, as many as there was room for, and what the file was afterwards. */
export interface WholeRead {
  readonly bytes: number;
  readonly stats: Stats;
}

/** Fills `into` from the beginning of a file. One promise for all of it, as `placeWhole`. */
export function readWhole(path: string, into: Uint8Array): Promise<WholeRead> {
  return new Promise((resolve, reject) => {
    open(path, READ, (error, file) => {
      if (error !== null) return reject(error);
      const fail = (failure: Error): void => close(file, () => reject(failure));
      const look = (bytes: number): void =>
        fstat(file, (failure, stats) => {
          if (failure !== null) return fail(failure);
          close(file, () => resolve({ bytes, stats })); // An error of closing what was read loses nothing.
        });
      const fill = (from: number): void =>
        read(file, into, from, into.length - from, from, (failure, got) => {
          if (failure !== null) fail(failure);
          else if (got > 0 && from + got < into.length) fill(from + got);
          else look(from + got);
        });
      fill(0);
    });
  });
}
