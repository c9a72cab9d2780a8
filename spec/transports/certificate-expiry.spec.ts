import { createEngine, Engine } from '../../adapters/index.js';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { ports } from '../../adapters/node.js';
import { resume } from '../../adapters/resume/index.js';
import { CertificateWatch, type CertificateExpiry } from '../../machines/hub/certificate-expiry.js';
import { tls } from '../../transports/tls.js';
import { websocket } from '../../transports/websocket.js';
import { SimClock } from '../sim/clock.js';

const DAY_MS = 86_400_000;

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown()));
});

/** A started engine, and what it warned of. */
async function engineOf(scheme: string, identity: OwnIdentity, isServer: boolean) {
  const transports = [scheme === 'tls' ? tls({ identity }) : websocket({ identity })];
  const engine = createEngine({ transports, protocols: [resume()], listen: isServer ? [`${scheme}://127.0.0.1:0`] : [] });
  engines.push(engine);
  const heard: unknown[] = [];
  engine.on((event) => {
    if (event.type === 'certificateExpiring') heard.push([event.whose, event.fingerprint, event.isExpired]);
  });
  await engine.start();
  return { engine, heard };
}

describe.each(['tls', 'wss'])('transports/certificate expiry: certificates that expire, over %s', (scheme) => {
  test('[DIAL-9] are warned of on both sides, own and peer, once each; the connection comes about', async () => {
    const [expired, soon] = await Promise.all([makeIdentity({ validDays: 0 }), makeIdentity({ validDays: 29 })]);
    const server = await engineOf(scheme, expired, true);
    expect(server.heard).toEqual([['own', expired.fingerprint, true]]); // Before anybody came.
    const client = await engineOf(scheme, soon, false);
    for (let i = 0; i < 2; i++) expect((await client.engine.connect(server.engine.addresses[0]!)).state).toBe('completed');
    expect(server.heard.slice(1)).toEqual([['peer', soon.fingerprint, false]]);
    expect(client.heard).toEqual([
      ['own', soon.fingerprint, false],
      ['peer', expired.fingerprint, true],
    ]);
  });

  test('[DIAL-9] with more than 30 days left are not spoken of', async () => {
    const identity = await makeIdentity({ validDays: 31 });
    const server = await engineOf(scheme, identity, true);
    await server.engine.connect(server.engine.addresses[0]!);
    expect(server.heard).toEqual([]);
  });
});

test("[DIAL-9] certificates that expire: the engine's own clock decides", async () => {
  const identity = await makeIdentity({ validDays: 3650 });
  const clock = { ...ports.clock, wall: () => Date.now() + 3640 * DAY_MS };
  const options = { transports: [tls({ identity })], protocols: [resume()], listen: ['tls://127.0.0.1:0'] };
  const engine = new Engine({ ...ports, clock }, options);
  engines.push(engine);
  const heard: CertificateExpiry[] = [];
  engine.on((event) => event.type === 'certificateExpiring' && heard.push(event));
  await engine.start();
  expect(heard).toEqual([expect.objectContaining({ whose: 'own', isExpired: false })]);
});

describe('[DIAL-9] certificates that expire: the memory of warnings', () => {
  const wallMs = Date.UTC(2030, 0, 1);
  const begin = () => {
    const clock = new SimClock({ wallMs });
    const heard: CertificateExpiry[] = [];
    return { clock, heard, expiry: new CertificateWatch(clock, (about) => heard.push(about)) };
  };

  test('our own is warned of once it is due, though no wire opens; a peer once it is seen again', () => {
    const { clock, heard, expiry } = begin();
    for (const whose of ['own', 'peer'] as const) expiry.look({ whose, fingerprint: 'f', validToMs: wallMs + 40 * DAY_MS });
    clock.advance(9 * DAY_MS);
    expiry.tick();
    expect(heard).toEqual([]);
    clock.advance(DAY_MS);
    for (let i = 0; i < 3; i++) expiry.tick();
    expect(heard.map(({ whose }) => whose)).toEqual(['own']);
    expiry.look({ whose: 'peer', fingerprint: 'f', validToMs: wallMs + 40 * DAY_MS });
    expect(heard.map(({ whose }) => whose)).toEqual(['own', 'peer']);
  });

  test('the last moment counts as expired, a renewed one is another, a date that is none says nothing', () => {
    const { heard, expiry } = begin();
    for (const leftMs of [0, 1, NaN, 1, 0]) expiry.look({ whose: 'peer', fingerprint: 'f', validToMs: wallMs + leftMs });
    expect(heard.map(({ isExpired }) => isExpired)).toEqual([true, false]);
  });

  test.each(['own', 'peer'] as const)('the warning begins with the last 30 days, to the millisecond (%s)', (whose) => {
    const { heard, expiry } = begin();
    expiry.look({ whose, fingerprint: 'later', validToMs: wallMs + 30 * DAY_MS + 1 });
    expiry.look({ whose, fingerprint: 'due', validToMs: wallMs + 30 * DAY_MS });
    expect(heard.map(({ fingerprint }) => fingerprint)).toEqual(['due']);
  });

  test('1024 are remembered; the oldest one is forgotten for a further one', () => {
    const { heard, expiry } = begin();
    const look = (i: number): void => expiry.look({ whose: 'peer', fingerprint: String(i), validToMs: 0 });
    for (let i = 0; i < 1025; i++) look(i);
    for (const i of [1, 1024, 0]) look(i);
    expect(heard).toHaveLength(1026);
    expect(heard.at(-1)!.fingerprint).toBe('0');
  });
});
