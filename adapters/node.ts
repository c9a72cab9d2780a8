import { randomBytes } from 'node:crypto';
import type { Clock, Ports } from '../machines/ports.js';

/** Node's own clock, chance and entropy. Timers keep the process alive; an engine has none left after `shutdown()`. */
export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, 2 ** 31 - 1)),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout | undefined),
  soon: (fn) => queueMicrotask(fn),
};

export const ports: Ports = { clock, random: Math.random, entropy: (bytes) => new Uint8Array(randomBytes(bytes)) };
