import { firstValueFrom, from, lastValueFrom, map, take, toArray } from 'rxjs';
import { createEngine, type Engine } from '../adapters/index.js';
import { resume } from '../adapters/resume/index.js';
import { closed, closings, events, messages, states } from '../adapters/rx.js';
import { tcp } from '../transports/tcp.js';

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown()));
});
const started = async (listen: string[] = []): Promise<Engine> => {
  const engine = createEngine({ transports: [tcp()], protocols: [resume()], listen });
  engines.push(engine);
  await engine.start();
  return engine;
};

test('states, messages, events and closings come as Observables', async () => {
  const server = await started(['tcp://127.0.0.1:0']);
  const client = await started();
  server.on((event) => {
    if (event.type !== 'connected') return;
    const { connection } = event;
    connection.onMessage = (message) => connection.write(message);
  });
  const seen = firstValueFrom(events(client).pipe(take(5), toArray()));
  const connection = await client.connect(server.addresses[0]!);
  expect((await seen).map((event) => (event.type === 'state' ? event.state : event.type))).toEqual([
    'none',
    'queued',
    'initiated',
    'inProgress',
    'trusted',
  ]);
  const all = firstValueFrom(states(connection).pipe(toArray()));
  const echoes = firstValueFrom(messages(connection).pipe(take(2), toArray()));
  await connection.send(Uint8Array.of(1));
  await connection.send(Uint8Array.of(2));
  expect((await echoes).map((message) => message[0])).toEqual([1, 2]);
  expect(connection.onMessage).toBeUndefined();
  const closing = firstValueFrom(closings(client));
  const end = lastValueFrom(closed(connection));
  await connection.close();
  expect(await closing).toMatchObject({ code: 'closed' });
  expect(await end).toMatchObject({ code: 'closed' });
  expect(await all).toEqual(['completed', 'none']);
});

test('who unsubscribes hears no more and holds nothing', async () => {
  const server = await started(['tcp://127.0.0.1:0']);
  const client = await started();
  const heard: string[] = [];
  const subscription = events(client).subscribe((event) => heard.push(event.type));
  subscription.unsubscribe();
  const connection = await client.connect(server.addresses[0]!);
  states(connection)
    .subscribe(() => heard.push('state'))
    .unsubscribe();
  await connection.close();
  expect(heard).toEqual([]);
});

test('who takes so many messages leaves the others to who comes next, and leaves nobody else deaf', async () => {
  const server = await started(['tcp://127.0.0.1:0']);
  const client = await started();
  const connection = await client.connect(server.addresses[0]!);
  const far = await firstValueFrom(from(server.incoming));
  for (const n of [1, 2, 3]) await connection.send(Uint8Array.of(n)); // They are there, and wait for a reader.
  const first = (count: number): Promise<number[]> =>
    firstValueFrom(
      messages(far).pipe(
        take(count),
        map((message) => message[0]!),
        toArray(),
      ),
    );
  expect([await first(1), await first(2)]).toEqual([[1], [2, 3]]);
  const early = messages(far).subscribe();
  const late = first(1);
  early.unsubscribe();
  await connection.send(Uint8Array.of(4));
  expect(await late).toEqual([4]);
});
