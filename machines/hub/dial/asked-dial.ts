import type { DialRequest, DialTicket } from './dial-request.js';
import type { Dial, Waiting } from './fair-dial-queue.js';
import type { RetryState } from './retry-state.js';

/** The scheduler, as a ticket needs it. */
export interface TicketOffice {
  withdraw(asked: Asked): void;
  placeOf(asked: Asked): number;
  delayOf(asked: Asked): number;
}

/** A request that waits, and the ticket for it. */
export class Asked implements Waiting, DialTicket {
  rank = -1;
  readonly #office: TicketOffice;

  constructor(
    office: TicketOffice,
    readonly row: Attempt,
    readonly request: DialRequest,
    readonly priority: number,
    readonly order: number,
    /** When the backoff is over. */
    public at: number,
    /** Not before, by the peer's word. */
    readonly toldAt: number,
  ) {
    this.#office = office;
  }

  cancel(): void {
    this.#office.withdraw(this);
  }
  place(): number | undefined {
    return this.row.waiting.has(this) ? this.#office.placeOf(this) : undefined;
  }
  get nextDelayMs(): number {
    return this.#office.delayOf(this);
  }
}

export type Attempt = RetryState<Asked, Dial<Asked>>;
