import { pool } from '../../../adapters/pool/index.js';
import { Candidates } from '../../../machines/hub/dial/candidates.js';
import { happyEyeballs } from '../../../machines/hub/dial/happy-eyeballs.js';
import type { Opener, Resolver, WireCause } from '../../../machines/ports.js';
import { SimClock } from '../../sim/clock.js';
import { Town } from '../town.js';

const listed = (...addresses: string[]): Resolver => ({
  resolve: (_, answer) => {
    answer(addresses);
    return () => undefined;
  },
});

describe('[DIAL-6] hub/dial/candidates: an address that accepts and is silent gives way to the next one', () => {
  test.each(['a list', 'a resolver'])('from %s, before the first handshake', async (source) => {
    const town = new Town(1);
    town.mute('mute');
    town.server('b');
    const addresses = ['sim://mute:1', 'sim://b:1'];
    const client = town.engine('a', { resolver: listed(...addresses) });
    const outcome = town.connect(client, source === 'a list' ? addresses : 'b');
    await town.pass(8000);
    expect(outcome.connection?.state).toBe('completed');
    expect(town.dials.map(({ to }) => to)).toEqual(['mute:1', 'b:1']);
  });

  test('in the middle of a session, and that address is dialed first from then on', async () => {
    const town = new Town(2);
    town.server('b');
    const client = town.engine('a', { idleMs: 0 });
    const outcome = town.connect(client, ['sim://front:1', 'sim://b:1']);
    await town.pass(2000);
    expect(outcome.connection?.state).toBe('completed');
    town.mute('front'); // Something else listens there now.
    town.dials.length = 0;
    town.network.cutBetween('a', 'b');
    await town.pass(8000);
    town.network.cutBetween('a', 'b');
    await town.pass(3000);
    expect({ state: outcome.connection!.state, dials: town.dials.map(({ to }) => to) }).toEqual({
      ...{ state: 'completed', dials: ['front:1', 'b:1', 'b:1'] },
    });
  });
});

describe('[DIAL-6] hub/dial/candidates: a wrong peer at one address costs that address alone', () => {
  const idOf = (name: string): string => Buffer.from(name.padEnd(32)).toString('hex');
  const here = (name: string) => pool({ id: idOf(name), identity: 'stated' });

  test.each([
    ['a list', false],
    ['a resolver', false],
    ['a resolver', true],
  ])('stated ids, from %s, with `retry` %p', async (source, retry) => {
    const town = new Town(3);
    town.server('wrong', { protocols: [here('mallory')] });
    town.server('right', { protocols: [here('bob')] });
    const addresses = ['sim://wrong:1', 'sim://right:1'];
    const client = town.engine('a', { protocols: [here('alice')], resolver: listed(...addresses) });
    const outcome = town.connect(client, source === 'a list' ? addresses : idOf('bob'), { peer: idOf('bob'), retry });
    await town.pass(5000);
    expect(outcome.closing).toBeUndefined();
    expect(outcome.connection?.peer).toBe(idOf('bob'));
  });

  test('where every address is wrong the attempt ends as such, after one try of each', async () => {
    const town = new Town(4);
    for (const name of ['wrong', 'worse']) town.server(name, { protocols: [here(name)] });
    const client = town.engine('a', {
      protocols: [here('alice')],
      resolver: listed('sim://wrong:1', 'sim://worse:1', 'sim://gone:1'),
    });
    const outcome = town.connect(client, idOf('bob'));
    await town.pass(20_000);
    expect(outcome.closing?.code).toBe('identity-mismatch');
    expect(town.dials.filter(({ to }) => to !== 'gone:1').length).toBeLessThanOrEqual(4);
  });

  test('proven by the transport: a registered peer whose right address is down for a while is found when it is back', async () => {
    const town = new Town(5);
    const key = (digit: string) => ({ fingerprint: digit.repeat(64) });
    town.server('wrong', { host: { identity: key('1') } });
    const client = town.engine('a');
    const options = { fingerprints: [key('2').fingerprint], retry: true };
    const outcome = town.connect(client, ['sim://wrong:1', 'sim://right:1'], options);
    town.network.host('right');
    await town.pass(10_000);
    expect(outcome.closing).toBeUndefined();
    town.server('right', { host: { identity: key('2') } });
    await town.pass(10_000);
    expect(outcome.connection?.state).toBe('completed');
  });
});

test('candidates: what failed comes last, the longest ago first; a success forgives', () => {
  const candidates = new Candidates();
  const all = ['a', 'b', 'c'];
  expect([candidates.order(all), candidates.hasUntried]).toEqual([all, false]);
  candidates.strike('a');
  expect([candidates.order(all), candidates.hasUntried]).toEqual([['b', 'c', 'a'], true]);
  candidates.strike('b');
  expect([candidates.order(all), candidates.hasUntried]).toEqual([['c', 'a', 'b'], true]);
  candidates.strike('a');
  expect([candidates.order(all), candidates.hasUntried]).toEqual([['c', 'b', 'a'], false]); // No news: the same address again.
  candidates.forgive('b');
  expect(candidates.order(all)).toEqual(['b', 'c', 'a']);
  for (let n = 0; n < 100; n++) candidates.strike(`n${n}`);
  expect(candidates.order(all)).toEqual(all); // Forgotten: memory is bounded.
});

test('race: a wrong key at one address does not hide that another one can be tried again', () => {
  const failing =
    (kind: WireCause['kind']): Opener =>
    (handler) => {
      handler.onClose({ kind });
      return () => undefined;
    };
  const ends: string[] = [];
  const handler = {
    onOpen() {},
    onBytes() {},
    onDrain() {},
    onProbeAnswer() {},
    onClose: ({ kind }: WireCause) => void ends.push(kind),
  };
  happyEyeballs([failing('identity-mismatch'), failing('refused')], new SimClock())(handler);
  happyEyeballs([failing('tls-failed'), failing('identity-mismatch')], new SimClock())(handler);
  expect(ends).toEqual(['refused', 'tls-failed']);
});
