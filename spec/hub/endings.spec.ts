import { readFileSync } from 'node:fs';
import { createMachine, sendParent } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { closing, CLOSINGS, type Closing, type ClosingCode } from '../../machines/closing.js';
import { afterEnding, type Wanted } from '../../machines/hub/dial/redial-policy.js';
import type { Protocol } from '../../machines/protocol.js';
import { Town } from './town.js';

const CODES = Object.keys(CLOSINGS) as ClosingCode[];
const WANTED: readonly Wanted[] = ['connect', 'retry', 'register'];

/** The rows of the documentation's table. */
function table(): string[] {
  return CODES.map((code) => {
    const { retry } = CLOSINGS[code];
    const words = WANTED.map((wanted) => afterEnding(wanted, { code, retry }));
    return `| \`${code}\` | ${words.join(' | ')} |`;
  });
}

test('[DIAL-5] hub/endings: the table of the documentation says what the engine does after each ending', () => {
  const text = readFileSync('spec/rules/dialing.md', 'utf8');
  expect(text.split('\n').filter((line) => line.startsWith('| `'))).toEqual(table());
});

/** A protocol whose sessions are complete at once, and end as they are told when the test says so. */
function ending(how: () => Closing, ends: { now: () => void }[]): Protocol {
  const machine = createMachine({
    initial: 'begun',
    entry: [
      sendParent({ type: 'handshake.started' }),
      sendParent({ type: 'trust.established' }),
      sendParent({ type: 'handshake.completed' }),
      ({ self }) => void ends.push({ now: () => self.send({ type: 'end' }) }),
    ],
    states: { begun: { on: { end: 'over', abort: 'over', close: 'over' } }, over: { type: 'final' } },
    output: () => ({ closing: how() }),
  });
  return { ...resume(), machine } as unknown as Protocol;
}

const isOwn = (code: ClosingCode): boolean => ['closed', 'cancelled', 'shutdown', 'internal'].includes(code);

describe('hub/endings: after an ending of a completed connection, dialed again or not, as the table says', () => {
  test.each(WANTED.flatMap((wanted) => CODES.map((code) => [wanted, code] as const)))('%s: %s', async (wanted, code) => {
    const town = new Town(1);
    const ends: { now: () => void }[] = [];
    const detail = code === 'drained' || code === 'busy' ? { retryAfterMs: 7000 } : undefined;
    const how = closing(code, isOwn(code) ? 'local' : 'remote', detail);
    const client = town.engine('a', { protocols: [ending(() => how, ends)] });
    if (wanted === 'register') client.peers.register('sim://b:1');
    else town.connect(client, 'sim://b:1', { retry: wanted === 'retry' });
    await town.pass(2000);
    expect(ends).toHaveLength(1);
    ends[0]!.now();
    await town.pass(6000);
    const expected = afterEnding(wanted, how);
    expect({ begun: ends.length }).toEqual({ begun: expected === 'stays' || detail !== undefined ? 1 : 2 });
    await town.pass(2000);
    expect({ begun: ends.length }).toEqual({ begun: expected === 'stays' ? 1 : 2 });
    if (wanted === 'register') expect(client.peers.state('sim://b:1').isRegistered).toBe(true);
  });
});

describe('[DIAL-5] hub/endings: a registered peer is dialed again after it ended in an orderly way', () => {
  test.each([
    ['shutdown', (server: ReturnType<Town['server']>) => void server.shutdown()],
    ['shutdown with a staggered drain', (server: ReturnType<Town['server']>) => void server.shutdown({ drainOverMs: 4000 })],
    [
      'close of the one connection',
      (server: ReturnType<Town['server']>) => {
        void (async () => {
          for await (const connection of server.incoming) return void connection.close();
        })();
      },
    ],
  ])('%s', async (_, end) => {
    const town = new Town(2);
    const server = town.server('b');
    const client = town.engine('a');
    client.peers.register('sim://b:1');
    await town.pass(3000);
    expect(client.metrics().states.completed).toBe(1);
    const closings: Closing[] = [];
    client.on((event) => event.type === 'closing' && closings.push(event.closing));
    end(server);
    await town.pass(5000);
    if (server.metrics().connections === 0) town.server('b');
    await town.pass(12_000);
    expect(client.metrics().states.completed).toBe(1);
    expect(closings[0]!.code).toMatch(/peer-goodbye|drained/);
  });
});

test('[DIAL-5] hub/endings: a peer that says goodbye as soon as it is connected is not dialed in a loop', async () => {
  const town = new Town(3);
  const server = town.server('b');
  void (async () => {
    for await (const connection of server.incoming) void connection.close();
  })();
  const client = town.engine('a');
  client.peers.register('sim://b:1');
  await town.pass(1000);
  expect(town.dials.length).toBeLessThanOrEqual(2);
  await town.pass(60_000);
  expect(town.peak).toBeLessThanOrEqual(2);
  expect(town.dials.length).toBeLessThan(40); // Up to 5 s apart in the end.
  expect(town.dials.length).toBeGreaterThan(10);
});

test('[DIAL-4] hub/endings: a time that a peer names is obeyed, also through a wake-up, and no longer than a day', async () => {
  for (const [seed, toldMs, earliestMs] of [
    [4, 30_000, 30_000],
    [5, 2 ** 40, 86_400_000],
  ] as const) {
    const town = new Town(seed);
    const ends: { now: () => void }[] = [];
    const client = town.engine('a', {
      protocols: [ending(() => closing('drained', 'remote', { retryAfterMs: toldMs }), ends)],
    });
    client.peers.register('sim://b:1');
    await town.pass(100);
    ends[0]!.now();
    await town.pass(10);
    const wait = client.peers.state('sim://b:1').nextDelayMs;
    expect(wait).toBeGreaterThanOrEqual(earliestMs - 20);
    expect(wait).toBeLessThan(earliestMs + 1000);
  }
});

test('[DIAL-5] hub/endings: a pool peer that is registered is dialed for ever, though retries of `connect` are bounded', async () => {
  const town = new Town(6);
  const bounded = resume({ redial: { kind: 'constant', delayMs: 1000, retriesMax: 3 } });
  const client = town.engine('a', { protocols: [bounded] });
  client.peers.register('sim://b:1');
  town.network.host('b');
  await town.pass(20_000);
  town.server('b');
  await town.pass(2000);
  expect(client.metrics().states.completed).toBe(1);
});
