import type { Clock } from '../../machines/ports.js';
import type { Discovery } from '../ship/index.js';
import { Failed } from './failures.js';
import type { Output } from './output.js';

/** When to print a hint for people, and when to fail for scripts. Chosen without measurement; devices answer within seconds. */
const HINT_MS = 10_000;
const GIVE_UP_MS = 60_000;

const ADVICE =
  'Check that the device is switched on and in this network. Routers, some Wi-Fi networks and firewalls block mDNS (UDP 5353). ' +
  'If you know its address: `ship dial wss://host:port/ship/ --ski …`.';

/**
 * Waits until discovery finds a device, and prints a hint when that takes long: a silent search looks like a hanging program.
 *
 * @returns a promise that rejects with `Failed` if no device was found within a minute (never with `isPatient`), and a function that
 * stops the search
 */
export function searching(
  discovery: Pick<Discovery, 'find' | 'entries'>,
  ski: string,
  output: Output,
  isPatient: boolean,
  clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
): { readonly failed: Promise<never>; stop(): void } {
  const timers: unknown[] = [];
  const failed = new Promise<never>((_, reject) => {
    const unlessFound = (ms: number, act: () => void): void => {
      timers.push(clock.setTimeout(() => void (discovery.find(ski) === undefined && act()), ms));
    };
    unlessFound(HINT_MS, () => {
      const others = discovery.entries().length;
      output.tell({ event: 'notFound', ski, others });
      output.say(
        `No device here announces ${ski} yet; ${others === 0 ? 'none announces anything' : others === 1 ? 'one other does' : `${others} others do`}. ${ADVICE}`,
      );
    });
    if (!isPatient) unlessFound(GIVE_UP_MS, () => reject(new Failed(`no device announces the SKI ${ski} by mDNS`, ADVICE)));
  });
  failed.catch(() => {}); // Callers that await it still get the rejection.
  return { failed, stop: () => timers.forEach((timer) => clock.clearTimeout(timer)) };
}
