import type { connectionMachine } from '../connection/connection.machine.js';
import type { ConnectionInput } from '../connection/connection.setup.js';
import type { DialOptions, Offer } from '../ports.js';
import type { Protocol } from '../protocol.js';
import type { Named } from '../runtime/actor.js';
import type { ConnectRequest } from './connect-request.js';

/**
 * The events of every connection that carry charts, wires, or what proves a session. These are accessors of a class, so that nothing
 * that lists an event's properties finds them, as with `unlisted`, which takes microseconds for each object.
 */

/** A request with its protocol, which has a chart. */
export class PeerRequest implements ConnectRequest {
  readonly #protocol: Protocol<unknown>;

  constructor(
    readonly targets: readonly string[],
    readonly peer: string | undefined,
    protocol: Protocol<unknown>,
    readonly dialOptions: DialOptions,
    readonly reuse: boolean,
    readonly keep: ConnectRequest['keep'],
  ) {
    this.#protocol = protocol;
  }

  get protocol(): Protocol<unknown> {
    return this.#protocol;
  }
}

/** To the supervisor. */
export class SpawnConnection {
  readonly type = 'spawn';
  readonly #logic: typeof connectionMachine;
  readonly #named: Named;

  constructor(
    readonly key: number,
    readonly input: ConnectionInput,
    logic: typeof connectionMachine,
    named: Named,
  ) {
    this.#logic = logic;
    this.#named = named;
  }

  get logic(): typeof connectionMachine {
    return this.#logic;
  }
  get named(): Named {
    return this.#named;
  }
}

/** A listener has a wire. */
export class WireAccepted {
  readonly type = 'wire.accepted';
  readonly #offer: Offer;
  readonly #protocols: readonly Protocol<unknown>[];

  constructor(
    offer: Offer,
    protocols: readonly Protocol<unknown>[],
    readonly listener: string | undefined,
  ) {
    this.#offer = offer;
    this.#protocols = protocols;
  }

  get offer(): Offer {
    return this.#offer;
  }
  get protocols(): readonly Protocol<unknown>[] {
    return this.#protocols;
  }
}
