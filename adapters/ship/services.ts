import type { RemoteService } from './discovery.js';

/** How many services are remembered; beyond it the one that was gone longest is forgotten, or a new one not taken. */
export const SERVICES_MAX = 256;

/**
 * The services that a discovery has found, by SKI. A service that vanishes stays known: a sleeping device and a lost announcement
 * are no reasons not to dial.
 */
export class KnownServices {
  /** Those that vanished first come first; see `hide`. */
  #services = new Map<string, RemoteService>();
  #listeners = new Set<(services: readonly RemoteService[]) => void>();

  entries(): readonly RemoteService[] {
    return [...this.#services.values()];
  }

  find(ski: string): RemoteService | undefined {
    return this.#services.get(ski);
  }

  /** Told now and after each change. The result ends it. */
  subscribe(listener: (services: readonly RemoteService[]) => void): () => void {
    const own = (services: readonly RemoteService[]): void => listener(services);
    this.#listeners.add(own);
    listener(this.entries());
    return () => void this.#listeners.delete(own);
  }

  /** Sets the visible services. Listeners are called if they changed. */
  show(visible: ReadonlyMap<string, RemoteService>): void {
    let isNews = false;
    for (const [ski, service] of this.#services) if (service.isVisible && !visible.has(ski)) isNews = this.#hide(service);
    for (const service of visible.values()) isNews = this.#put(service) || isNews;
    if (!isNews) return;
    const entries = this.entries();
    for (const listener of [...this.#listeners]) listener(entries);
  }

  /** Removes all listeners. */
  close(): void {
    this.#listeners.clear();
  }

  #put(service: RemoteService): boolean {
    const known = this.#services.get(service.ski);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(service)) return false;
    if (known === undefined && this.#services.size >= SERVICES_MAX && !this.#forgetOne()) return false;
    this.#services.set(service.ski, service);
    return true;
  }

  #hide(service: RemoteService): true {
    this.#services.delete(service.ski);
    this.#services.set(service.ski, { ...service, isVisible: false });
    return true;
  }

  #forgetOne(): boolean {
    for (const [ski, { isVisible }] of this.#services) if (!isVisible) return this.#services.delete(ski);
    return false;
  }
}
