import type { Clock } from '../../machines/ports.js';
import type { Discovery } from '../ship/index.js';
import { Failed } from './failures.js';
import type { Output } from './output.js';

/** When a person begins to wonder, and when a script has waited long enough. Chosen without measurement; devices answer within seconds. */
const HINT_MS = 10_000;
const GIVE_UP_MS = 60_000;

const ADVICE =
  'Is it switched on, and in this network? mDNS does not pass routers, and some Wi-Fi and firewalls hold it back (UDP 5353). ' +
  'Where its address is known: `ship dial wss://host:port/ship/ --ski …`.';

/**
 * Waits until discovery has a device, and says so when that takes long: a silent search looks like a hanging program.
 *
 * @returns what rejects with `Failed` when nobody was found within a minute (never where `isPatient`), and how to end it
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
    if (!isPatient) unlessFound(GIVE_UP_MS, () => reject(new Failed(`nobody announces the SKI ${ski} by mDNS`, ADVICE)));
  });
  failed.catch(() => {}); // Whoever waits for it hears it all the same.
  return { failed, stop: () => timers.forEach((timer) => clock.clearTimeout(timer)) };
}
