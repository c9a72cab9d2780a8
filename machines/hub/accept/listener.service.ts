import type { Acceptor, Listening, Offer, Transport, WireCause } from '../../ports.js';
import type { Protocol } from '../../protocol.js';
import type { EngineEvent } from '../events.js';
import { wordsOf } from '../../callbacks.js';
import type { CertificateWatch } from '../certificate-expiry.js';

/** The hub, as listening needs it. */
export interface ListenersSide {
  /** Why an incoming connection is refused now, as far as that is known before its first bytes. */
  objection(offer: Offer, protocols: readonly Protocol<unknown>[]): 'busy' | 'limit-reached' | undefined;
  transportOf(address: string): Transport;
  tell(event: EngineEvent): void;
  refused(remoteAddress: string, code: string, reason?: string): void;
  readonly certificates: CertificateWatch;
  /** A transport has a wire; `protocols` are those that are spoken at this address. */
  accepted(offer: Offer, protocols: readonly Protocol<unknown>[], listener: string | undefined): void;
  /** The last listener is gone. */
  listenersGone(): void;
}

/** When a refused peer may try again. Chosen without measurement. */
export const RETRY_AFTER_MS = 1000;

/** The addresses at which an engine can be reached, from `listen` until the last one is free again. */
export class Listeners {
  readonly addresses: string[] = [];
  #listenings: (() => void)[] = []; // How each is closed.
  #open = 0;

  constructor(readonly side: ListenersSide) {}

  /** Listeners whose address is not free yet. */
  get open(): number {
    return this.#open;
  }

  /** `done` gets the address as bound, or why there is none. */
  listenAt(address: string, protocols: readonly Protocol<unknown>[], onDone?: (bound: string | WireCause) => void): void {
    const { side } = this;
    const transport = side.transportOf(address);
    let done = onDone; // Until it was called.
    const tell = (bound: string | WireCause): void => {
      done?.(bound);
      done = undefined;
    };
    let at: string | undefined;
    const leave = (): void => {
      const index = at === undefined ? -1 : this.addresses.indexOf(at);
      if (index >= 0) this.addresses.splice(index, 1);
      at = undefined;
    };
    const acceptor: Acceptor = {
      onListening: (bound) => {
        at = bound;
        this.addresses.push(bound);
        side.tell({ type: 'listening', address: bound });
        tell(bound);
      },
      onOffer: (offer) => {
        // A transport with words of its own (HTTP 503) says no before the upgrade; elsewhere the protocol says it, once it was spoken to.
        const code = transport.boundaries === 'message' ? side.objection(offer, protocols) : undefined;
        if (code !== undefined) {
          side.refused(offer.remoteAddress, code);
          return offer.refuse({ code, retryAfterMs: RETRY_AFTER_MS });
        }
        side.accepted(offer, protocols, at);
      },
      onRefused: (remoteAddress, code, reason) => side.refused(remoteAddress, code, reason),
      onCertificate: side.certificates.look,
      onFailed: (cause) => {
        leave();
        side.tell({ type: 'listen-failed', address, cause });
        tell(cause);
      },
    };
    let listening: Listening;
    try {
      listening = transport.listen(address, acceptor);
    } catch (error) {
      return acceptor.onFailed({ kind: 'refused', reason: wordsOf(error) }); // An address that can't be right; nothing was opened.
    }
    this.#open++;
    this.#listenings.push(() =>
      listening.close(() => {
        leave();
        tell({ kind: 'aborted' }); // It was closed before it was bound.
        this.#open--;
        if (this.#open === 0) side.listenersGone();
      }),
    );
  }

  stop(): void {
    if (this.#open === 0) this.side.listenersGone();
    for (const close of this.#listenings.splice(0)) close();
  }
}
