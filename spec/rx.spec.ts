import { firstValueFrom, from, lastValueFrom, map, Observable, of, take, tap, throwError, toArray } from 'rxjs';
import { FaultProxy } from '../adapters/cli/fault-proxy.js';
import { createEngine, type Connection, type Engine } from '../adapters/index.js';
import { resume, type ResumeOptions } from '../adapters/resume/index.js';
import { closed, closings, events, messages, processMessages, states } from '../adapters/rx.js';
import { closing, type Closing } from '../machines/closing.js';
import { tcp } from '../transports/tcp.js';

const engines: Engine[] = [];
const cutters: FaultProxy[] = [];
afterEach(async () => {
  await Promise.all(cutters.splice(0).map((cutter) => cutter.close()));
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown()));
});
const started = async (listen: string[] = []): Promise<Engine> => {
  const engine = createEngine({ transports: [tcp()], protocols: [resume()], listen });
  engines.push(engine);
  await engine.start();
  return engine;
};

test('rx: states, messages, events and closings come as Observables', async () => {
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
  const ending = firstValueFrom(closings(client));
  const end = lastValueFrom(closed(connection));
  await connection.close();
  expect(await ending).toMatchObject({ code: 'closed' });
  expect(await end).toMatchObject({ code: 'closed' });
  expect(await all).toEqual(['completed', 'none']);
});

test('rx: an unsubscribed observer gets no more and holds nothing', async () => {
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

test('rx: a subscriber that takes so many messages leaves the others to the next one, and other listeners go on', async () => {
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

/** The two ends of a session over a network that can be cut for good; what `send` waits for is real. */
async function pair(options: ResumeOptions = {}): Promise<{ near: Connection; far: Connection; cut: () => Promise<void> }> {
  const server = createEngine({ transports: [tcp()], protocols: [resume(options)], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({ transports: [tcp()], protocols: [resume(options)] });
  engines.push(server, client);
  await server.start();
  await client.start();
  const cutter = new FaultProxy(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  cutters.push(cutter);
  const near = await client.connect(`tcp://127.0.0.1:${await cutter.listen()}`);
  return { near, far: await firstValueFrom(from(server.incoming)), cut: () => cutter.close() };
}

const bytes = (n: number): Uint8Array => Uint8Array.of(n);
const numbersOf = (source: Observable<Uint8Array>): Promise<number[]> =>
  firstValueFrom(
    source.pipe(
      map((message) => message[0]!),
      toArray(),
    ),
  );

describe('rx: messages', () => {
  test('are shared: a second subscriber takes nothing from the first, and one that leaves does not end the others', async () => {
    const { near, far } = await pair();
    const [first, second, third] = [numbersOf(messages(far)), numbersOf(messages(far)), numbersOf(messages(far).pipe(take(1)))];
    for (const n of [1, 2, 3]) await near.send(bytes(n));
    const late = numbersOf(messages(far));
    await near.send(bytes(4));
    await near.close();
    expect(await Promise.all([first, second, third, late])).toEqual([[1, 2, 3, 4], [1, 2, 3, 4], [1], [4]]);
  });

  test.each(['an iterator', 'a handler'])('error two-readers where %s reads already, and leave it alone', async (who) => {
    const { near, far } = await pair();
    const heard: number[] = [];
    if (who === 'a handler') far.onMessage = (message) => heard.push(message[0]!);
    else void (async () => { for await (const message of far) heard.push(message[0]!); })(); // prettier-ignore
    for (const source of [messages(far), processMessages(far, (message) => [message])])
      await expect(firstValueFrom(source)).rejects.toMatchObject({ code: 'two-readers' });
    await near.send(bytes(1));
    await near.close();
    await far.closed;
    expect(heard).toEqual([1]);
  });

  test('and `processMessages` are one reader each', async () => {
    const { near, far } = await pair();
    const processed = numbersOf(processMessages(far, (message) => [message]));
    await expect(firstValueFrom(messages(far))).rejects.toMatchObject({ code: 'two-readers' });
    await expect(firstValueFrom(processMessages(far, (message) => [message]))).rejects.toMatchObject({ code: 'two-readers' });
    await near.send(bytes(1));
    await near.close();
    expect(await processed).toEqual([1]);
    const shared = numbersOf(messages(near)); // Over, and free again.
    expect(await shared).toEqual([]);
  });

  const sources = {
    messages: (connection: Connection) => messages(connection),
    processMessages: (connection: Connection) => processMessages(connection, (message) => of(message)),
  };
  describe.each(Object.keys(sources) as (keyof typeof sources)[])('%s', (name) => {
    const source = sources[name];

    test('complete where either side closes in order', async () => {
      const { near, far } = await pair();
      const [here, there] = [numbersOf(source(near)), numbersOf(source(far))];
      await near.send(bytes(7));
      await near.close();
      expect(await Promise.all([here, there])).toEqual([[], [7]]);
    });

    test('complete where an engine shuts down, on both sides', async () => {
      const { near, far } = await pair();
      const [here, there] = [numbersOf(source(near)), numbersOf(source(far))];
      await engines[0]!.shutdown();
      expect(await Promise.all([here, there])).toEqual([[], []]);
    });

    test('error with the closing where the connection is cut: what came is no whole stream', async () => {
      const { near, far, cut } = await pair({ reconnectWindowMs: 200 });
      const heard: number[] = [];
      const [here, there] = [lastValueFrom(source(near)), lastValueFrom(source(far).pipe(tap((m) => heard.push(m[0]!))))];
      const errors = Promise.allSettled([here, there]);
      await near.send(bytes(1));
      await cut();
      expect(await errors).toEqual([
        { status: 'rejected', reason: expect.objectContaining({ code: 'closed', cause: await near.closed }) },
        { status: 'rejected', reason: expect.objectContaining({ code: 'closed', cause: await far.closed }) },
      ]);
      expect([heard, (await near.closed).code, (await far.closed).code]).toEqual([[1], 'window-expired', 'window-expired']);
      await expect(lastValueFrom(source(far))).rejects.toMatchObject({ code: 'closed' }); // Whoever comes late is told the same.
    });

    test.each(['peer-lost-session', 'probe-timeout', 'violated', 'replaced', 'internal'] as const)(
      'error on %s, after what waited for a reader',
      async (code) => {
        const connection = fake();
        connection.deliver(bytes(1), bytes(2));
        connection.end(closing(code, 'remote'));
        const heard: number[] = [];
        const end = lastValueFrom(source(connection).pipe(tap((message) => heard.push(message[0]!))));
        await expect(end).rejects.toMatchObject({ code: 'closed', cause: { code } });
        expect(heard).toEqual([1, 2]);
      },
    );
  });

  test('leave nothing behind at the connection, however often they are subscribed', async () => {
    const connection = fake();
    for (let n = 0; n < 100; n++) messages(connection).subscribe().unsubscribe();
    expect([connection.asked, connection.onMessage]).toEqual([1, undefined]);
    connection.end(closing('closed', 'local'));
    expect(await numbersOf(messages(connection))).toEqual([]);
  });
});

describe('rx: processMessages', () => {
  test('holds the peer back while the consumer is slow, and loses nothing', async () => {
    const { near, far } = await pair();
    const gates: (() => void)[] = [];
    const processed: number[] = [];
    const whole = lastValueFrom(
      processMessages(far, async (message) => {
        await new Promise<void>((resolve) => gates.push(resolve));
        return message[0]!;
      }).pipe(tap((n) => processed.push(n))),
    );
    const message = new Uint8Array(64 << 10);
    let written = 0;
    let room = true;
    while (room && written < 200) {
      message[0] = written++ % 251;
      room = near.write(message.slice());
    }
    await until(() => gates.length === 1 && far.stats()['queuedBytes'] !== undefined && near.stats()['acknowledged']! > 0);
    for (let quiet = 0, before = -1; quiet < 5; quiet = before === near.stats()['acknowledged']! ? quiet + 1 : 0) {
      before = near.stats()['acknowledged']!;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([gates.length, processed.length]).toEqual([1, 0]); // One is processed, whatever has been sent.
    const arrived = near.stats()['acknowledged']!;
    expect(arrived * message.length).toBeLessThan(3 << 20); // What `receiveBytesMax` lets in, and not all that there is.
    const drained = near.drained();
    for (let done = 0; done < written; done++) {
      await until(() => gates.length > done);
      gates[done]!();
    }
    await drained;
    await near.close();
    await whole;
    expect(processed).toEqual(Array.from({ length: written }, (_, n) => n % 251));
  });

  test('processes as many at once as `concurrent` allows, in any order, and each once', async () => {
    const connection = fake();
    const gates: (() => void)[] = [];
    const done = numbersOf(
      processMessages(
        connection,
        (message) => new Observable<Uint8Array>((s) => void gates.push(() => { s.next(message); s.complete(); })), // prettier-ignore
        { concurrent: 3 },
      ),
    );
    connection.deliver(...[1, 2, 3, 4, 5].map(bytes));
    expect([gates.length, connection.waiting]).toEqual([3, 2]);
    gates[1]!();
    expect([gates.length, connection.waiting]).toEqual([4, 1]);
    connection.end(closing('peer-goodbye', 'remote'));
    await turn();
    gates.shift()!(); // The first.
    while (gates.length > 0) gates.pop()!(); // The second was asked already, and says nothing any more.
    expect((await done).sort()).toEqual([1, 2, 3, 4, 5]);
  });

  test('passes errors of `project` on and leaves the rest to the next reader; refuses a `concurrent` that is none', async () => {
    const connection = fake();
    connection.deliver(...[1, 2, 3].map(bytes));
    const thrown = firstValueFrom(
      processMessages(connection, () => {
        throw new Error('mine');
      }),
    );
    await expect(thrown).rejects.toThrow('mine');
    const failed = firstValueFrom(processMessages(connection, () => throwError(() => new Error('later'))));
    await expect(failed).rejects.toThrow('later');
    expect(await numbersOf(messages(connection).pipe(take(1)))).toEqual([3]);
    for (const concurrent of [0, -1, 1.5, NaN])
      expect(() => processMessages(connection, () => [], { concurrent })).toThrow('processMessages.concurrent');
  });

  test('a consumer that is never slow goes through thousands that wait, without a stack of its own for each', async () => {
    const connection = fake();
    connection.deliver(...Array.from({ length: 20_000 }, () => bytes(1)));
    connection.end(closing('closed', 'local'));
    expect(await numbersOf(processMessages(connection, (message) => of(message)))).toHaveLength(20_000);
  });
});

describe('rx: events', () => {
  test('and closings complete with the shutdown, after the last event; also for who comes late', async () => {
    const server = await started(['tcp://127.0.0.1:0']);
    const client = await started();
    await client.connect(server.addresses[0]!);
    const ends = [firstValueFrom(events(client).pipe(toArray())), firstValueFrom(closings(client).pipe(toArray()))] as const;
    await client.shutdown();
    expect((await ends[0]).map(({ type }) => type).slice(-3)).toContain('closing');
    expect((await ends[1]).map(({ code }) => code)).toEqual(['shutdown']);
    expect(await firstValueFrom(events(client).pipe(toArray()))).toEqual([]);
  });

  test('complete where the shutdown ends at its deadline', async () => {
    const client = await started();
    const end = firstValueFrom(events(client).pipe(toArray()));
    await client.shutdown({ deadlineMs: 0 });
    expect(await end).toBeDefined();
  });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await turn();
}

/** A connection that does what the test says, with an inbox as the real one has. */
function fake() {
  const inbox: Uint8Array[] = [];
  let handler: ((message: Uint8Array) => void) | undefined;
  let end!: (closing: Closing) => void;
  let asked = 0;
  const ended = new Promise<Closing>((resolve) => (end = resolve));
  const give = (): void => {
    while (handler !== undefined && inbox.length > 0) handler(inbox.shift()!);
  };
  const connection = {
    id: 'fake 1',
    get closed() {
      asked++;
      return ended;
    },
    get onMessage() {
      return handler;
    },
    set onMessage(next: typeof handler) {
      handler = next;
      give();
    },
    deliver(...all: Uint8Array[]) {
      inbox.push(...all);
      give();
    },
    end,
    get waiting() {
      return inbox.length;
    },
    get asked() {
      return asked;
    },
  };
  return connection as typeof connection & Connection;
}
