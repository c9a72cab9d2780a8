import { createEngine, SessionError, type Connection, type Engine } from '../adapters/index.js';
import { makeIdentity } from '../adapters/identity/index.js';
import { resume } from '../adapters/resume/index.js';
import { StreamSession } from '../adapters/streams/index.js';
import { tcp } from '../transports/tcp.js';
import { tls } from '../transports/tls.js';

const engines: Engine[] = [];
async function started(listen: string[] = [], options: Parameters<typeof resume>[0] = {}): Promise<Engine> {
  const engine = createEngine({ transports: [tcp()], protocols: [resume(options)], listen });
  engines.push(engine);
  await engine.start();
  return engine;
}
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown()));
});

async function connected(options: Parameters<typeof resume>[0] = {}): Promise<[Connection, Connection]> {
  const server = await started(['tcp://127.0.0.1:0']);
  const client = await started([], options);
  const near = await client.connect(server.addresses[0]!);
  for await (const far of server.incoming) return [near, far];
  throw new Error('nobody came');
}

/** What each way of waiting rejects with when its signal is aborted: beforehand, and later on. */
const WAITS: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
  'engine.connect': async (signal) => (await started()).connect('tcp://127.0.0.1:1', { signal, retry: true }),
  'connection.send': async (signal) => {
    // The defaults, filled: nothing is read at the far end, whose credit ends too.
    const [near] = await connected();
    const full = new Uint8Array(1 << 20);
    for (let i = 0; i < 12; i++) void near.send(full).catch(() => undefined);
    return near.send(full, { signal });
  },
  'streams: open': async (signal) => {
    const [near, far] = await connected();
    new StreamSession(far); // Nothing takes offers there.
    return new StreamSession(near).open('test', { signal });
  },
};

describe.each(Object.keys(WAITS))('aborting: %s', (name) => {
  const reason = new Error('the user went away');

  test('the reason of a signal that was aborted beforehand is the cause', async () => {
    await expect(WAITS[name]!(AbortSignal.abort(reason))).rejects.toMatchObject({ code: 'aborted', cause: reason });
  });

  test('the reason of a signal that is aborted while it waits is the cause', async () => {
    const abort = new AbortController();
    const waiting = WAITS[name]!(abort.signal);
    const settled = waiting.then(
      () => undefined,
      (error: unknown) => error,
    );
    setImmediate(() => setImmediate(() => abort.abort(reason)));
    const error = await settled;
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toMatchObject({ code: 'aborted', cause: reason });
  });
});

test('aborting: a reason that is no error, and none at all: what the platform says is passed on as it is', async () => {
  const client = await started();
  for (const signal of [AbortSignal.abort('text'), AbortSignal.abort()]) {
    const error: unknown = await client.connect('tcp://127.0.0.1:1', { signal }).catch((e: unknown) => e);
    expect((error as Error).cause).toBe(signal.reason);
  }
});

test('aborting: over TLS `connection.peer` is the proven fingerprint on both sides, also where no key was expected', async () => {
  const [alice, bob] = await Promise.all([makeIdentity(), makeIdentity()]);
  const server = createEngine({ transports: [tls({ identity: bob })], protocols: [resume()], listen: ['tls://127.0.0.1:0'] });
  const client = createEngine({ transports: [tls({ identity: alice })], protocols: [resume()] });
  engines.push(server, client);
  await Promise.all([server.start(), client.start()]);
  const near = await client.connect(server.addresses[0]!);
  expect(near.peer).toBe(bob.fingerprint);
  for await (const far of server.incoming) {
    expect(far.peer).toBe(alice.fingerprint);
    break;
  }
});
