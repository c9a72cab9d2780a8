import { ConnectError, type Engine } from '../engine.js';
import type { Random } from '../ports.js';
import type { NodeId } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

/** The node, as bootstrapping needs it. */
export interface BootstrapSide {
  readonly engine: Engine;
  readonly random: Random;
  readonly limits: Pick<RendezvousLimits, 'banMs'>;
  now(): number;
  count(outcome: Outcome): void;
  isOwn(address: string): boolean;
  ownerOf(address: string): NodeId | undefined;
  contactFailed(): void;
  /** This round has no contacts, because of this. */
  contactsFailed(reason: string): void;
}

/** Asks for contacts; `reason` says why there are none. The result cancels the question. */
export type FindContacts = (answer: (addresses: readonly string[], reason?: string) => void) => () => void;

/** Dials the configured contacts: one at a time, and none that is connected already. */
export class Bootstrap {
  #contacts: readonly string[] = [];
  #round: readonly string[] = []; // Those to try, in their order.
  #dial: AbortController | undefined;
  /** Contacts that turned out to be this node, or another process with its key, and until when they are left alone. */
  readonly #skippedUntil = new Map<string, number>();
  /** Contacts that have said of this node that it is connected already, and since when they do. */
  readonly #crossed = new Map<string, { readonly since: number; readonly last: number }>();

  constructor(
    readonly side: BootstrapSide,
    readonly findContacts: FindContacts,
  ) {}

  /** Calls back with the number of contacts to try; they are dialed by index. */
  find(answer: (count: number) => void): () => void {
    return this.findContacts((addresses, reason) => {
      if (reason !== undefined) this.side.contactsFailed(reason);
      this.#contacts = addresses;
      for (const table of [this.#skippedUntil, this.#crossed])
        for (const address of table.keys()) if (!addresses.includes(address)) table.delete(address);
      this.#round = addresses.filter((address) => !this.#isIdle(address));
      answer(this.#round.length);
    });
  }

  /** Dials the contact at this place. */
  dialAt(place: number): void {
    const address = this.#round[place];
    if (address !== undefined) this.dial(address);
    else this.side.contactFailed();
  }

  dial(address: string): void {
    const dial = (this.#dial = new AbortController());
    const failed = (error: unknown): void => {
      if (error instanceof ConnectError) this.#note(address, error.closing.detail?.message);
      if (this.#dial === dial) this.side.contactFailed();
    };
    this.side.engine.connect(address, { signal: dial.signal }).then(() => void this.#crossed.delete(address), failed);
  }

  release(): void {
    const dial = this.#dial;
    this.#dial = undefined;
    dial?.abort();
  }

  /** Two groups of nodes that were cut apart meet again through the contacts that both have. */
  dialStranger(): void {
    const { side } = this;
    const strangers = this.#contacts.filter((address) => !this.#isIdle(address) && side.ownerOf(address) === undefined);
    const stranger = strangers[Math.floor(side.random() * strangers.length)];
    if (stranger !== undefined) side.engine.connect(stranger).catch(() => {}); // The next time, then.
  }

  /**
   * A contact that shows this node's own key is left alone for `banMs`, and so is one that says for longer than any dead wire is
   * kept that this node is connected with it: it is another process with this node's key, and dialing on changes nothing.
   */
  #note(address: string, outcome: string | undefined): void {
    const { side } = this;
    const now = side.now();
    const before = this.#crossed.get(address);
    const since = before !== undefined && now - before.last < CROSSED_MS / 2 ? before.since : now;
    if (outcome === 'crossed') this.#crossed.set(address, { since, last: now });
    else this.#crossed.delete(address);
    const isTwin = outcome === 'crossed' && now - since >= CROSSED_MS;
    if (!isTwin && outcome !== 'duplicate-key' && outcome !== 'misdirected') return;
    this.#crossed.delete(address);
    this.#skippedUntil.set(address, now + side.limits.banMs);
    if (isTwin) side.count('duplicate-key');
  }

  #isIdle(address: string): boolean {
    return this.side.isOwn(address) || (this.#skippedUntil.get(address) ?? -Infinity) > this.side.now();
  }
}

/** A dead wire is found within 65 s. */
const CROSSED_MS = 120_000;
