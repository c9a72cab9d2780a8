import type { Engine } from '../engine.js';
import type { Random } from '../ports.js';
import type { NodeId } from './rendezvous.messages.js';

/** What dialing known contacts needs of the node. */
export interface BootstrapSide {
  readonly engine: Engine;
  readonly random: Random;
  isOwn(address: string): boolean;
  ownerOf(address: string): NodeId | undefined;
  contactFailed(): void;
  /** This round has no contacts, because of this. */
  contactsFailed(reason: string): void;
}

/** Asks for contacts; `reason` where there can't be any. The result stops asking. */
export type FindContacts = (answer: (addresses: readonly string[], reason?: string) => void) => () => void;

/** Dials those whose addresses were known before anybody was met: one at a time, and nobody who is connected already. */
export class Bootstrap {
  #contacts: readonly string[] = [];
  #dial: AbortController | undefined;

  constructor(
    readonly side: BootstrapSide,
    readonly findContacts: FindContacts,
  ) {}

  find(answer: (addresses: readonly string[]) => void): () => void {
    return this.findContacts((addresses, reason) => {
      if (reason !== undefined) this.side.contactsFailed(reason);
      this.#contacts = addresses;
      answer(addresses.filter((address) => !this.side.isOwn(address)));
    });
  }

  dial(address: string): void {
    const dial = (this.#dial = new AbortController());
    const failed = (): void => {
      if (this.#dial === dial) this.side.contactFailed();
    };
    this.side.engine.connect(address, { signal: dial.signal }).then(() => {}, failed);
  }

  release(): void {
    const dial = this.#dial;
    this.#dial = undefined;
    dial?.abort();
  }

  /** Two groups of nodes that were cut apart find together through those whom all know. */
  dialStranger(): void {
    const { side } = this;
    const strangers = this.#contacts.filter((address) => !side.isOwn(address) && side.ownerOf(address) === undefined);
    const stranger = strangers[Math.floor(side.random() * strangers.length)];
    if (stranger !== undefined) side.engine.connect(stranger).catch(() => {}); // The next time, then.
  }
}
