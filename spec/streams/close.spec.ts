import { StreamSession } from '../../adapters/streams/index.js';
import { openConnections } from './pair.js';

test('streams: close({ graceMs }) with the link gone for good is bounded by the grace, and not by the window', async () => {
  const { client, server, cutter, near, far } = await openConnections({ reconnectWindowMs: 600_000, closeGraceMs: 50 });
  const [session, other] = [new StreamSession(near), new StreamSession(far)];
  other.onOffer = (offer) => void offer.accept().on('error', () => {});
  const stream = (await session.open('any')).on('error', () => {});
  const lost = new Promise<void>((resolve) => client.on((event) => void (event.type === 'lost' && resolve())));
  await cutter.close(); // Nobody answers there any more.
  await lost;
  stream.write('never acknowledged');
  expect((await session.close({ graceMs: 100 })).side).toBe('local');
  await Promise.all([client.shutdown({ deadlineMs: 0 }), server.shutdown({ deadlineMs: 0 })]);
}, 30_000);

test.each([[{}], [{ now: true }]])(
  'streams: close(%j) after close() with nothing left to lose, and no link, is bounded by the grace',
  async (again) => {
    const { client, server, cutter, near } = await openConnections({ reconnectWindowMs: 600_000, closeGraceMs: 50 });
    const lost = new Promise<void>((resolve) => client.on((event) => void (event.type === 'lost' && resolve())));
    await cutter.close();
    await lost;
    const closing = near.close();
    void near.close(again);
    expect((await closing).code).toBe('closed');
    await Promise.all([client.shutdown({ deadlineMs: 0 }), server.shutdown({ deadlineMs: 0 })]);
  },
  30_000,
);
