import { BUFFERED_BYTES_MAX, CorkedWire, HIGH_WATER_BYTES } from '../../transports/corked-wire.js';

/** A platform that writes when it is asked to. */
class Platform extends CorkedWire {
  isOpen = true;
  waitingBytes = 0;
  readonly said: string[] = [];

  transmit(piece: Uint8Array): void {
    this.waitingBytes += piece.length;
    this.said.push(`${piece.length}`);
  }
  transmitAll(pieces: readonly Uint8Array[], bytes: number): void {
    this.waitingBytes += bytes;
    this.said.push(`${pieces.map(({ length }) => length).join('+')}=${bytes}`);
  }
  awaitDrain(): void {
    this.said.push('await');
  }
  overflow(): void {
    this.said.push('overflow');
  }
  tellDrained(): void {
    this.said.push('drained');
  }
  writes(left = 0): void {
    this.waitingBytes = left;
    this.drained();
  }
  leave(): void {
    this.uncorkAll();
    this.isOpen = false;
  }
}

const piece = (bytes: number): Uint8Array => new Uint8Array(bytes);

describe('wires: cork, drain and overflow', () => {
  test('pieces under a cork leave together, in order, when the last cork is gone', () => {
    const wire = new Platform();
    wire.cork();
    wire.cork();
    expect([wire.send(piece(1)), wire.send(piece(0)), wire.send(piece(2))]).toEqual([true, true, true]);
    wire.uncork();
    expect(wire.said).toEqual([]);
    wire.uncork();
    wire.uncork(); // One too many means nothing.
    wire.send(piece(3));
    expect(wire.said).toEqual(['1+2=3', '3']);
  });

  test('a full wire says false, and that it has room once, when less than the high-water mark waits', () => {
    const wire = new Platform();
    expect([wire.send(piece(HIGH_WATER_BYTES - 1)), wire.send(piece(1)), wire.send(piece(1))]).toEqual([true, false, false]);
    expect(wire.send(piece(0))).toBe(false); // An empty piece only asks.
    wire.writes(HIGH_WATER_BYTES);
    expect(wire.said.slice(1)).toEqual(['1', 'await', '1', 'await']);
    wire.writes(HIGH_WATER_BYTES - 1);
    wire.writes();
    expect(wire.said.slice(5)).toEqual(['drained']);
    expect(wire.send(piece(0))).toBe(true);
  });

  test('what fills the wire under a cork counts at once, and its drain is awaited when it leaves', () => {
    const wire = new Platform();
    wire.cork();
    expect(wire.send(piece(HIGH_WATER_BYTES))).toBe(false);
    wire.writes(); // Nothing of it has left.
    expect(wire.said).toEqual([]);
    wire.uncork();
    expect(wire.said).toEqual([`${HIGH_WATER_BYTES}=${HIGH_WATER_BYTES}`, 'await']);
    wire.writes();
    expect(wire.said.slice(2)).toEqual(['drained']);
  });

  test('a writer that does not listen is stopped at the bound, under a cork too', () => {
    const bare = new Platform();
    bare.waitingBytes = BUFFERED_BYTES_MAX;
    bare.send(piece(1));
    const corked = new Platform();
    corked.waitingBytes = BUFFERED_BYTES_MAX;
    corked.cork();
    corked.send(piece(1));
    expect([bare.said, corked.said]).toEqual([['1', 'overflow'], ['overflow']]);
  });

  test('what is held leaves before a farewell, and nothing after it', () => {
    const wire = new Platform();
    for (let corks = 0; corks < 3; corks++) wire.cork();
    wire.send(piece(1));
    wire.leave();
    wire.cork();
    expect(wire.send(piece(2))).toBe(false);
    wire.uncork();
    wire.drained();
    expect(wire.said).toEqual(['1=1']);
  });
});
