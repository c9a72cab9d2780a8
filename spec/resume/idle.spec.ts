import { resumeCodec } from '../../adapters/resume/index.js';
import { Duo } from './duo.js';

const MINUTE_MS = 60_000;

function probesOf(duo: Duo, ms: number): number {
  const pong = jest.spyOn(resumeCodec, 'pong'); // One answer for each.
  try {
    duo.clock.advance(ms);
    return pong.mock.calls.length;
  } finally {
    pong.mockRestore();
  }
}

describe('resume/idle: a session without messages', () => {
  test.each([
    ['at once', 0],
    ['within 1 ms', 1],
    ['within 20 ms', 20],
    ['within 100 ms', 100],
  ])('[RES-12] only one of the two sides asks in each interval, where bytes arrive %s', (_, latencyMs) => {
    const duo = new Duo().settled();
    duo.network.setLatency('near', 'far', [latencyMs, latencyMs]);
    duo.network.setLatency('far', 'near', [latencyMs, latencyMs]);
    duo.clock.advance(10_000);
    const probes = probesOf(duo, MINUTE_MS);
    expect(probes).toBeGreaterThanOrEqual(MINUTE_MS / 5000 - 1);
    expect(probes).toBeLessThanOrEqual(MINUTE_MS / 4450);
  });

  test('[RES-12] a message each second is sign of life enough for its sender and, by its acknowledgement, for the other side', () => {
    const duo = new Duo().settled();
    const pong = jest.spyOn(resumeCodec, 'pong');
    for (let n = 0; n < 30; n++) {
      duo.near.say(1);
      duo.clock.advance(1000);
    }
    expect(pong).not.toHaveBeenCalled();
    pong.mockRestore();
  });

  test.each(['near', 'far'] as const)(
    '[RES-12] a wire that falls silent towards %s is noticed 10 s after its last byte',
    (side) => {
      const duo = new Duo().settled();
      duo.clock.advance(12_345);
      let lost = 0;
      const since = duo.clock.now();
      duo[side].engine.on(({ type }) => type === 'lost' && (lost = duo.clock.now() - since));
      duo.wire.silence(side);
      duo.clock.advance(20_000);
      expect(lost).toBeGreaterThan(4_900); // The last byte may be as old as an interval.
      expect(lost).toBeLessThanOrEqual(10_002);
    },
  );

  test('[RES-12] a side that never asks is asked by the other, in either direction', () => {
    const duo = new Duo().settled();
    expect(probesOf(duo, MINUTE_MS)).toBeGreaterThan(10);
  });

  test('resume/idle: closing leaves nothing in the wheel', () => {
    const duo = new Duo().settled();
    duo.clock.advance(7000);
    expect(duo.check()).toEqual([]);
  });

  test('resume/idle: the frame of a probe is the same each time, and its bytes stay what they are', () => {
    const duo = new Duo().settled();
    const before = [...resumeCodec.ping];
    duo.clock.advance(MINUTE_MS);
    expect([...resumeCodec.ping]).toEqual(before);
    expect([...resumeCodec.pong(0)]).toEqual([9, 0, 0, 4, 0, 0, 0, 0]);
    expect([...resumeCodec.pong(7)]).toEqual([9, 0, 0, 4, 0, 0, 0, 7]);
  });
});
