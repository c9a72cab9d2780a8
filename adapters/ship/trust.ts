import { describedBy } from '../../machines/context-safe.js';
import { normaliseSki, skiOr } from './ski.js';
import { checkOptions, listOf, record, text } from '../options.js';

/** The record of a trusted peer. */
export interface TrustedService {
  readonly ski: string;
  /** Said by the peer once, and checked ever after. */
  readonly shipId?: string;
}

/** Where trust is remembered. Answers come from memory; a file behind it is written when it can be. */
export interface ShipTrust {
  has(ski: string): boolean;
  get(ski: string): TrustedService | undefined;
  set(service: TrustedService): void;
  remove(ski: string): void;
  values(): Iterable<TrustedService>;
  /** Settles when what was set and removed so far is kept, or can't be. A node waits for it at its end. */
  written?(): Promise<void>;
  /** The node is over: others may have the store. */
  close?(): Promise<void>;
  /** Told of every change that could not be kept. The result ends it. */
  onFailed?(listener: (error: Error) => void): () => void;
}

const SERVICES = listOf('services { ski, shipId }', record('a service with its ski', { ski: text }));

/**
 * Trust that ends with the process. SKIs are taken in any spelling.
 *
 * @throws SessionError `bad-option` for a SKI that is none
 */
export function memoryTrust(services: readonly TrustedService[] = []): ShipTrust {
  checkOptions('memoryTrust', SERVICES, services);
  const known = new Map<string, TrustedService>();
  const get = (ski: string): TrustedService | undefined => known.get(ski) ?? known.get(skiOr(ski, ''));
  const set = (service: TrustedService): void => {
    const ski = normaliseSki(service.ski);
    known.set(ski, { ...service, ski });
  };
  for (const service of services) set(service);
  const trust: ShipTrust = {
    has: (ski) => get(ski) !== undefined,
    get,
    set,
    remove: (ski) => void known.delete(skiOr(ski, '')),
    values: () => known.values(),
  };
  return describedBy(trust, () => ({ trust: 'memory', services: known.size }));
}
