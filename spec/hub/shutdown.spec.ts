import { createMachine, sendParent } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { closing } from '../../machines/closing.js';
import type { Protocol } from '../../machines/protocol.js';
import { Town } from './town.js';

/** A protocol whose sessions are complete at once, and which never says goodbye; an abort ends it, or nothing does. */
function stubborn(endsBy: 'abort' | 'nothing'): Protocol {
  const machine = createMachine({
    initial: 'there',
    entry: ['handshake.started', 'trust.established', 'handshake.completed'].map((type) => sendParent({ type })),
    states: { there: { on: endsBy === 'abort' ? { abort: 'over' } : {} }, over: { type: 'final' } },
    output: () => ({ closing: closing('shutdown', 'local') }),
  });
  return { ...resume(), machine } as unknown as Protocol;
}

describe('hub/shutdown: how long it takes is measured, and bounded', () => {
  /** Shuts an engine down that has a connection, and says how long that took, by the clock and by the metrics. */
  async function shutDown(
    options: Parameters<Town['engine']>[1],
    shutdown = {},
  ): Promise<{ took: number; measured: number | undefined }> {
    const town = new Town(1);
    town.server('b');
    const client = town.engine('a', options);
    const { connection } = town.connect(client, 'sim://b:1');
    await town.pass(1000);
    expect({ connection, shutdownMs: client.metrics().shutdownMs }).toEqual({ connection: undefined, shutdownMs: undefined });
    expect(client.metrics().states).toEqual({ completed: 1 });
    const at = town.clock.now();
    let took: number | undefined;
    void client.shutdown(shutdown).then(() => (took = town.clock.now() - at));
    await town.pass(500, 10);
    if (took === undefined) expect(client.metrics().shutdownMs).toBe(500); // While it lasts, so far.
    await town.pass(20_000, 10);
    expect(took).toBeDefined();
    const measured = client.metrics().shutdownMs;
    await town.pass(5000);
    expect(client.metrics().shutdownMs).toBe(measured); // It is over.
    return { took: took!, measured };
  }

  test('a peer that answers: at once', async () => {
    const { took, measured } = await shutDown({});
    expect(measured).toBeLessThanOrEqual(took);
    expect(took).toBeLessThan(500);
  });

  test('a session without a goodbye is aborted after three seconds', async () => {
    const { measured } = await shutDown({ protocols: [stubborn('abort')] });
    expect(measured).toBeGreaterThanOrEqual(3000);
    expect(measured).toBeLessThanOrEqual(4100);
  });

  test('a session that nothing ends goes with its wire, a second later', async () => {
    const { measured } = await shutDown({ protocols: [stubborn('nothing')] });
    expect(measured).toBeGreaterThanOrEqual(4000);
    expect(measured).toBeLessThanOrEqual(4100);
  });

  test('the deadline bounds all of it', async () => {
    const { took, measured } = await shutDown({ protocols: [stubborn('nothing')] }, { deadlineMs: 600 });
    expect(measured).toBe(600);
    expect(took).toBeLessThan(700);
  });

  test('of two calls, the sooner deadline counts', async () => {
    const town = new Town(1);
    town.server('b');
    const client = town.engine('a', { protocols: [stubborn('nothing')] });
    town.connect(client, 'sim://b:1');
    await town.pass(1000);
    void client.shutdown({ deadlineMs: 2000 });
    await town.pass(100, 10);
    void client.shutdown({ deadlineMs: 400 });
    void client.shutdown();
    await town.pass(5000, 10);
    expect(client.metrics().shutdownMs).toBe(500);
  });

  test('an engine whose chart is sent `shutdown` by another chart has ended, too', async () => {
    const town = new Town(1);
    const engine = town.server('b');
    let hasEnded = false;
    engine.on(
      () => undefined,
      () => (hasEnded = true),
    );
    engine.actor.send({ type: 'shutdown' });
    await town.pass(1000);
    expect(hasEnded).toBe(true);
    await engine.shutdown(); // Settles.
    expect(engine.metrics().shutdownMs).toBeLessThan(1000);
  });
});
