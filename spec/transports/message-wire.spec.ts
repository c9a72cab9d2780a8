import { MessageWire } from '../../transports/message-wire.js';
import type { WireCause } from '../../machines/ports.js';

/** A platform that does nothing of its own accord. */
class Idle extends MessageWire {
  protected transmit(): void {}
  protected get waitingBytes(): number {
    return 0;
  }
  protected awaitDrain(): void {}
  protected flow(): void {}
  protected bow(): void {}
  protected cut(): void {}
}

test.each(['close', 'destroy'] as const)(
  'transports/message wire: a paused reader that leaves by %s gets the end that came behind the held bytes',
  async (how) => {
    const ends: WireCause[] = [];
    const heard: Uint8Array[] = [];
    const wire = new Idle({ remoteAddress: 'here', pack: true });
    wire.handler = {
      onOpen: () => {},
      onBytes: (bytes) => void heard.push(bytes),
      onDrain: () => {},
      onProbeAnswer: () => {},
      onClose: (cause) => void ends.push(cause),
    };
    wire.opened();
    wire.pause();
    wire.received(Uint8Array.of(1));
    wire.over({ kind: 'ended' });
    expect(ends).toEqual([]);
    wire[how]();
    await Promise.resolve();
    expect([heard, ends]).toEqual([[], [{ kind: 'ended' }]]);
    wire[how]();
    await Promise.resolve();
    expect(ends).toHaveLength(1);
  },
);
