import type { Clock, Ports } from '../machines/ports.js';

/** A browser's clock, chance and entropy. */
export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, 2 ** 31 - 1)),
  clearTimeout: (handle) => clearTimeout(handle as number | undefined),
  soon: (fn) => queueMicrotask(fn),
};

export const ports: Ports = {
  clock,
  random: Math.random,
  entropy: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  report: (callback, error) => console.error(`holdfast: ${callback} failed`, error),
};
