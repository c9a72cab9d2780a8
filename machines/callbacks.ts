import type { Ports } from './ports.js';

/** The part of the platform that reports a failed callback. */
export type CallbackPorts = Pick<Ports, 'clock'> & { readonly report?: Ports['report'] | undefined };

/**
 * Reports an error of application code that was called from inside the library. The library goes on: one faulty callback ends
 * neither the process nor a connection. Where the platform has no `report`, the error is thrown on a stack of its own.
 */
export function reportCallback({ clock, report }: CallbackPorts, callback: string, error: unknown): void {
  if (report !== undefined) {
    // A logger may fail as well, and there is no further place to report that to.
    try {
      const result: unknown = report(callback, error);
      if (isThenable(result)) Promise.resolve(result).catch(() => {});
    } catch {
      // Ignored, as above.
    }
    return;
  }
  clock.setTimeout(() => {
    throw error;
  }, 0);
}

/**
 * Calls application code. Errors that it throws, and rejections of a promise that it returns, are reported.
 *
 * @returns what it returned; undefined if it threw
 */
export function callback<Result>(ports: CallbackPorts, name: string, call: () => Result): Result | undefined {
  try {
    const result = call();
    if (isThenable(result)) Promise.resolve(result).catch((error: unknown) => reportCallback(ports, name, error));
    return result;
  } catch (error) {
    reportCallback(ports, name, error);
    return undefined;
  }
}

/** Texts copied out of whatever a callback returned, or why there are none. Reading it may run the application's code, and throw. */
export function textsOf(value: unknown): { readonly texts: readonly string[] } | { readonly reason: string } {
  try {
    if (!Array.isArray(value)) return { reason: `expected a list of addresses, got ${kindOf(value)}` };
    const items: unknown[] = [...(value as readonly unknown[])];
    const odd = items.find((item) => typeof item !== 'string');
    if (items.some((item) => typeof item !== 'string'))
      return { reason: `expected a list of addresses, got ${kindOf(odd)} in it` };
    return { texts: items as string[] };
  } catch (error) {
    return { reason: `expected a list of addresses, got one that can't be read: ${wordsOf(error)}` };
  }
}

/** The text of a thrown value. Never throws. */
export function wordsOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return 'an error that can’t be shown';
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'string'
    ? 'text'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : typeof value;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
