import { readFileSync, unlinkSync } from 'node:fs';
import { link, readFile, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { SessionError } from '../../machines/errors.js';

/** The holder of a lock, as the lock's file names it. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** The start of that process, on systems that report it: another process may have its pid by now. */
  readonly born?: string;
}

/** The holder touches its lock at this interval; one not touched for `STALE_MS` is stale if its process can't be looked up. */
const TOUCH_MS = 10_000;
const STALE_MS = 30_000;
/** The same for a lock that can't be parsed: it has another format, or is being written. */
const GARBLED_MS = 2000;
const TRIES_MAX = 20;

/** Locks of this process by path, with the number of users: within a process a file may be opened more than once. */
const held = new Map<string, { users: number; readonly timer: NodeJS.Timeout }>();
let isTidying = false;

/**
 * Keeps other processes from a file as long as this one uses it, by a file beside it (`….lock`). A lock that a crash left behind is
 * taken over: on this host its process is looked up, and one of another host (an earlier container) is stale after 30 s.
 *
 * @returns releases the lock
 * @throws SessionError `bad-option` if another process holds it; the message names that process
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const lock = join(await realpath(dirname(path)), `${basename(path)}.lock`);
  const mine = held.get(lock);
  if (mine !== undefined) mine.users++;
  else {
    await acquire(lock, path);
    const timer = setInterval(() => void touch(lock), TOUCH_MS).unref();
    held.set(lock, { users: 1, timer });
    if (!isTidying) process.on('exit', tidy);
    isTidying = true;
  }
  let isOver = false;
  return async () => {
    if (isOver) return;
    isOver = true;
    const entry = held.get(lock)!;
    if (--entry.users > 0) return;
    clearInterval(entry.timer);
    held.delete(lock);
    await rm(lock, { force: true });
  };
}

async function acquire(lock: string, path: string): Promise<void> {
  const born = bornOf(process.pid);
  const me: Holder = { pid: process.pid, host: hostname(), ...(born === undefined ? {} : { born }) };
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    try {
      return await writeFile(lock, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new SessionError('bad-option', `can't lock ${path}: ${(cause as Error).message}`, { cause });
    }
    const text = await readFile(lock, 'utf8').catch(() => undefined);
    if (text === undefined) continue; // It was released meanwhile.
    const holder = holderIn(text);
    if (await isHeld(lock, holder)) {
      const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
      throw new SessionError('bad-option', `${path} is in use by ${who}: give each process a file of its own, or end that one`);
    }
    await takeAway(lock, text);
  }
  throw new SessionError('bad-option', `can't lock ${path}: other processes take and leave ${lock} all the time`);
}

async function isHeld(lock: string, holder: Holder | undefined): Promise<boolean> {
  const touched = await stat(lock).catch(() => undefined);
  if (touched === undefined) return false;
  const ageMs = Date.now() - touched.mtimeMs;
  if (holder === undefined) return ageMs < GARBLED_MS;
  if (holder.host !== hostname()) return ageMs < STALE_MS;
  if (holder.pid === process.pid) return false; // Not ours, or `held` had it: an earlier process with our pid.
  if (!isAlive(holder.pid)) return false;
  return holder.born === undefined || holder.born === bornOf(holder.pid);
}

/** Two processes may find the same stale lock: removes only the lock that was read, and puts back a newer one. */
async function takeAway(lock: string, text: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(lock, aside);
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, lock);
  } catch {
    // The lock is gone, or there is a new one: `acquire` tries again.
  } finally {
    await rm(aside, { force: true });
  }
}

function holderIn(text: string): Holder | undefined {
  try {
    const { pid, host, born } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || pid! <= 0 || typeof host !== 'string') return undefined;
    return { pid: pid!, host, ...(typeof born === 'string' ? { born } : {}) };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** On systems with a /proc: the boot, and the start of the process within it. */
function bornOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!;
    return `${boot} ${afterName.split(' ')[19]}`;
  } catch {
    return undefined;
  }
}

async function touch(lock: string): Promise<void> {
  const now = new Date();
  await utimes(lock, now, now).catch(() => {});
}

function tidy(): void {
  for (const lock of held.keys()) {
    try {
      unlinkSync(lock);
    } catch {
      // Another process has removed it already.
    }
  }
}
