/** The faulty part of a packet: its data, its acknowledgements, or unknown, because it could not be read. */
export type FaultPart = 'data' | 'acks' | 'packet';

/** Spoilt wires beyond one for each link that a session takes in a row. As many as resume takes on its one wire (RES-16). */
const STRIKES_BEYOND_LINKS = 2;

/**
 * Wires in a row that the peer has sent corrupt packets on. A peer that repeats what was refused would do so on each wire it dials, for as long as the
 * session lasts. The row begins anew with progress in the direction that the faults concern: bytes in order for faulty data,
 * acknowledgements for faulty acknowledgements, either of them where the part is unknown. Pure.
 * @rule NCP-16
 */
export class Strikes {
  #count = 0;
  #received = -1; // Packets in order, and packets acknowledged, at the last strike.
  #acknowledged = -1;

  constructor(readonly links: number) {}

  /** Whether the session is over by this one. */
  strike(part: FaultPart, received: number, acknowledged: number): boolean {
    const hasReceived = received > this.#received;
    const isAcknowledged = acknowledged > this.#acknowledged;
    const isProgress = part === 'data' ? hasReceived : part === 'acks' ? isAcknowledged : hasReceived || isAcknowledged;
    this.#count = isProgress ? 1 : this.#count + 1;
    this.#received = received;
    this.#acknowledged = acknowledged;
    return this.#count >= this.links + STRIKES_BEYOND_LINKS;
  }
}
