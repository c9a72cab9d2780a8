import type { CertificateDates } from '../ports.js';

/** A certificate that has expired, or will within 30 days. No connection ends for it: keys decide, not dates. */
export interface CertificateExpiry extends CertificateDates {
  readonly isExpired: boolean;
}

/** Long enough that a monthly look at a log sees it. */
const SOON_MS = 30 * 86_400_000;
/** Certificates remembered; beyond it the oldest one is forgotten, and is warned of again when it is seen again. */
const KNOWN_MAX = 1024;

/** Warns once of each certificate, from 30 days before its end on. @rule DIAL-9 */
export class CertificateWatch {
  readonly #known = new Set<string>();
  readonly #own = new Map<string, CertificateDates>(); // Not yet due; as many as the engine has transports.

  constructor(
    readonly clock: { wall(): number },
    readonly warn: (about: CertificateExpiry) => void,
  ) {}

  readonly look = ({ whose, fingerprint, validToMs }: CertificateDates): void => {
    const leftMs = validToMs - this.clock.wall();
    if (Number.isNaN(leftMs)) return;
    if (leftMs > SOON_MS) {
      if (whose === 'own') this.#own.set(fingerprint, { whose, fingerprint, validToMs });
      return;
    }
    const name = `${whose} ${fingerprint} ${validToMs}`;
    if (this.#known.has(name)) return;
    this.#known.add(name);
    if (this.#known.size > KNOWN_MAX) this.#known.delete([...this.#known.keys()][0]!);
    this.warn({ whose, fingerprint, validToMs, isExpired: leftMs <= 0 });
  };

  /** Time went by: our own certificates may be due though no wire has opened. */
  tick(): void {
    for (const own of this.#own.values()) {
      if (own.validToMs - this.clock.wall() > SOON_MS) continue;
      this.#own.delete(own.fingerprint);
      this.look(own);
    }
  }
}
