import { Candidates } from '../../../machines/hub/dial/candidates.js';
import { DialAttempt } from '../../../machines/hub/dial/open-wire.js';
import type { WireCause, WireCauseKind } from '../../../machines/ports.js';
import { SimClock } from '../../sim/clock.js';

const ADDRESSES = ['tcp://a:1', 'tcp://b:1'];

/** One dial of two addresses, and what the dial queue gets to know of it. */
function dialing(): { dial: DialAttempt; clock: SimClock; candidates: Candidates; told: string[] } {
  const clock = new SimClock();
  const told: string[] = [];
  const candidates = new Candidates();
  const dialScheduler = {
    dialEnded: () => void told.push('ended'),
    answered: () => void told.push('answered'),
    failed: (_: string, __: string, retryAfterMs = 0) => void told.push(`failed ${retryAfterMs}`),
  };
  const dial = new DialAttempt(
    { ports: { clock }, dialScheduler } as never,
    { redials: { candidates } } as never,
    'key',
    'place',
  );
  dial.races(candidates.order(ADDRESSES));
  dial.began();
  return { dial, clock, candidates, told };
}

describe('hub/dial/attempt: a dial that failed before it opened', () => {
  const aborted: WireCause = { kind: 'aborted' };

  test('[DIAL-2] counts against the place, with the time that the peer named', () => {
    const { dial, told } = dialing();
    dial.closed({ kind: 'refused', retryAfterMs: 700 });
    expect(told).toEqual(['ended', 'failed 700']);
  });

  test.each([401, 403, 503])('[DIAL-2] gives its token back where the place has answered with the HTTP status %d', (status) => {
    const { dial, told } = dialing();
    dial.closed({ kind: 'refused', status });
    expect(told).toContain('answered');
  });

  test('counts against no place when it was called off before the place could answer', () => {
    const { dial, clock, told } = dialing();
    clock.advance(999);
    dial.closed(aborted);
    expect(told).toEqual(['ended']);
  });

  test('counts when it was called off after a second of silence', () => {
    const { dial, clock, told } = dialing();
    clock.advance(1000);
    dial.closed(aborted);
    expect(told).toEqual(['ended', 'failed 0']);
  });
});

describe('hub/dial/attempt: [DIAL-6] one of several addresses that lost the race', () => {
  test.each<[WireCauseKind, readonly string[]]>([
    ['identity-mismatch', ['tcp://b:1', 'tcp://a:1']],
    ['tls-failed', ['tcp://b:1', 'tcp://a:1']],
    ['malformed', ['tcp://b:1', 'tcp://a:1']],
    ['refused', ADDRESSES],
    ['unreachable', ADDRESSES],
    ['aborted', ADDRESSES],
  ])('by %s: the next dial tries %j', (kind, order) => {
    const { dial, candidates } = dialing();
    dial.lost(0, { kind });
    expect(candidates.order(ADDRESSES)).toEqual(order);
  });
});
