import { Played, say, type PlayedWire } from '../sim/played.js';

function up(options = {}): { p: Played; wire: PlayedWire } {
  const p = new Played({ idleMs: 60_000, ...options });
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  return { p, wire };
}
const pings = (wire: PlayedWire): number => wire.kinds.filter((kind) => kind === 'ping').length;

test('resume/wake: a host that slept asks once, and a wire that answers lives on', () => {
  const { p, wire } = up();
  p.clock.suspend(3_600_000);
  p.clock.advance(1000);
  expect(pings(wire)).toBe(1);
  wire.say(Uint8Array.of(9, 0, 0, 4, 0, 0, 0, 1));
  p.clock.advance(10_000);
  expect({ pings: pings(wire), ended: wire.ended }).toEqual({ pings: 1, ended: undefined });
});

test('resume/wake: a wire that did not outlive the sleep is replaced by a new dial within 3 s of waking', () => {
  const { p, wire } = up();
  p.clock.suspend(3_600_000);
  p.clock.advance(3000);
  expect(wire.ended).toBe('destroyed');
  expect(p.dials).toHaveLength(2);
  expect(p.story).not.toContain('disconnected');
});

test.each([12, -12])('resume/wake: a wall clock that jumps by %d hours costs one probe and no timeout', (hours) => {
  const { p, wire } = up();
  p.clock.jumpWall(hours * 3_600_000);
  p.clock.advance(1000);
  wire.say(Uint8Array.of(9, 0, 0, 4, 0, 0, 0, 1));
  p.clock.advance(30_000);
  expect({ pings: pings(wire), ended: wire.ended }).toEqual({ pings: 1, ended: undefined });
});

test('resume/wake: a process that was frozen probes on thaw instead of ending the wire', () => {
  const { p, wire } = up({ idleMs: 5000, probeTimeoutMs: 5000 });
  p.clock.freeze(60_000);
  p.clock.advance(500);
  expect(wire.ended).toBeUndefined();
  expect(pings(wire)).toBeGreaterThanOrEqual(1);
  wire.say(Uint8Array.of(9, 0, 0, 4, 0, 0, 0, 1));
  p.clock.advance(3000);
  expect(wire.ended).toBeUndefined();
});

test('resume/wake: a staggered drain tells the peer when to come back', async () => {
  const { p, wire } = up();
  const over = p.engine.shutdown({ drainOverMs: 10_000 });
  p.clock.settle();
  expect(wire.last('drain').number).toBeLessThan(10_000);
  wire.say(say.goodbye(1, 1)).cut({ kind: 'ended' });
  p.clock.advance(10);
  await over;
  expect(p.story).toContain('disconnected');
});

test('resume/wake: a peer that asks us to go gets a goodbye, and the closing says when to return', () => {
  const { p, wire } = up();
  wire.say(Uint8Array.of(0x0a, 0, 0, 4, 0, 0, 7, 0xd0));
  expect(wire.kinds.at(-1)).toBe('goodbye');
  wire.say(say.goodbyeAck(1));
  expect(p.events.find((e) => e.type === 'closing')).toMatchObject({
    closing: { code: 'drained', side: 'remote', detail: { retryAfterMs: 2000 } },
  });
});
