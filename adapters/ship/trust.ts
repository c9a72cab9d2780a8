/** What a node remembers of a peer whose user trusts it. */
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
}

/** Trust that ends with the process. */
export function memoryTrust(services: readonly TrustedService[] = []): ShipTrust {
  const known = new Map(services.map((service) => [service.ski, service]));
  return {
    has: (ski) => known.has(ski),
    get: (ski) => known.get(ski),
    set: (service) => void known.set(service.ski, service),
    remove: (ski) => void known.delete(ski),
    values: () => known.values(),
  };
}
