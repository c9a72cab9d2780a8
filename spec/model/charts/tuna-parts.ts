import { ncpCodec } from '../../../adapters/tuna/codec.js';
import { PlainEnvelope } from '../../../adapters/tuna/envelope.js';
import { SlabPool } from '../../../machines/dataplane/send-log.js';
import type { Opener, Wire, WireHandler } from '../../../machines/ports.js';
import type { TunaPump } from '../../../machines/tuna/ncp.machine.js';
import { TunaPlane, type TunaPlaneInput } from '../../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from '../../../machines/tuna/tuna.timing.js';
import type { PlayedTime } from '../played.js';
import { pumpOver } from './session.js';

export type Role = 'dialer' | 'acceptor';

export const limitsOf = (numTunaListeners: number): TunaLimits => ({ ...TUNA_LIMITS, numTunaListeners, idleMs: 0 });

/** A real plane under a real pump, as the charts of a Tuna session share it. */
export function tunaPump(
  time: PlayedTime,
  role: Role,
  links: number,
  about: Pick<TunaPlaneInput, 'isSuccessor' | 'addresses'> = {},
): TunaPump {
  const plane = new TunaPlane({
    role,
    ...about,
    codec: ncpCodec,
    limits: limitsOf(links),
    pool: new SlabPool(),
    links: 2 * links,
    clientIds: Array.from({ length: links }, (_, i) => String(i)),
    envelope: new PlainEnvelope(),
    opening: () => undefined,
    openingFrames: 0,
  });
  return pumpOver(plane, time) as TunaPump;
}

/** Wires that the test opens and breaks, one at a time; what is said on them goes nowhere. */
export class PlayedWires {
  #handler: WireHandler | undefined;
  #isOpen = false;

  constructor(readonly time: PlayedTime) {}

  get state(): 'none' | 'dialed' | 'open' {
    return this.#handler === undefined ? 'none' : this.#isOpen ? 'open' : 'dialed';
  }

  readonly opener: Opener = (handler) => {
    this.#handler = handler;
    this.#isOpen = false;
    return () => this.#end(handler);
  };

  open(): void {
    const handler = this.#handler;
    if (handler === undefined || this.#isOpen) return;
    this.#isOpen = true;
    const end = (): void => this.#end(handler);
    const nothing = (): void => {};
    const wire: Wire = {
      remoteAddress: 'played:1',
      lends: false,
      send: () => true,
      cork: nothing,
      uncork: nothing,
      pause: nothing,
      resume: nothing,
      close: end,
      destroy: end,
    };
    handler.onOpen(wire);
  }

  cut(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose({ kind: this.#isOpen ? 'reset' : 'refused' });
  }

  #end(handler: WireHandler): void {
    if (this.#handler === handler) this.#handler = undefined;
    this.time.clock.setTimeout(() => handler.onClose({ kind: 'aborted' }), 0);
  }
}
