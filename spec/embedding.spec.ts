import { assign, createActor, setup, toPromise, waitFor, type ActorRefFrom, type InspectionEvent } from 'xstate';
import { createEngine } from '../adapters/index.js';
import { ports } from '../adapters/node.js';
import { resume } from '../adapters/resume/index.js';
import {
  connectionMachine,
  fromConnection,
  fromEngine,
  hubMachine,
  type ConnectionActorEvent,
  type Engine,
  type EngineActorEvent,
} from '../machines/index.js';
import type { Closing } from '../machines/closing.js';
import { tcp } from '../transports/tcp.js';

const engineAt = (listen: readonly string[] = []): Engine => createEngine({ transports: [tcp()], protocols: [resume()], listen });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function server(): Promise<Engine> {
  const engine = engineAt(['tcp://127.0.0.1:0']);
  ends.push(() => engine.shutdown());
  await engine.start();
  return engine;
}

describe('embedding: a hub by itself, as any machine of XState', () => {
  const input = { ports, transports: [tcp()], protocols: [resume()] };

  test('createActor, waitFor, inspect, subscribe, system.get and toPromise work', async () => {
    const inspected: InspectionEvent['type'][] = [];
    const seen: string[] = [];
    const hub = createActor(hubMachine, { input, systemId: 'hub', inspect: ({ type }) => inspected.push(type) });
    hub.subscribe((snapshot) => seen.push(JSON.stringify(snapshot.value)));
    hub.start();
    hub.send({ type: 'start' });
    const serving = await waitFor(hub, (snapshot) => snapshot.hasTag('serves'));
    expect(hub.system.get('hub')).toBe(hub);
    expect(Object.keys(serving.children).sort()).toEqual(['accepts', 'dialer', 'host', 'listeners', 'supervisor', 'wake']);
    const bound = await new Promise<unknown>((done) =>
      hub.send({ type: 'listen.requested', address: 'tcp://127.0.0.1:0', done }),
    );
    expect(bound).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(JSON.parse(JSON.stringify(hub.getSnapshot()))).toMatchObject({ context: { hub: { protocols: ['resume'] } } });
    expect(() => JSON.stringify(hub.getPersistedSnapshot())).not.toThrow();
    const over = toPromise(hub);
    hub.send({ type: 'shutdown' });
    await over;
    expect([seen.at(-1), inspected.includes('@xstate.snapshot')]).toEqual(['"closed"', true]);
  });

  test('an address that is requested while it shuts down is refused, and so is a connection', async () => {
    const hub = createActor(hubMachine, { input }).start();
    hub.send({ type: 'start' });
    let refused: Promise<unknown> | undefined;
    let failed: Closing | undefined;
    hub.subscribe((snapshot) => {
      if (refused !== undefined || !snapshot.matches({ up: 'listeners' })) return;
      const request = { targets: ['tcp://127.0.0.1:1'], peer: undefined, protocol: resume(), dialOptions: {}, reuse: false };
      const caller = { connected: () => undefined, failed: (how: Closing) => void (failed = how) };
      hub.send({ type: 'peer.requested', request, caller });
      refused = new Promise((done) => hub.send({ type: 'listen.requested', address: 'tcp://127.0.0.1:0', done }));
    });
    const first = new Promise((done) => hub.send({ type: 'listen.requested', address: 'tcp://127.0.0.1:0', done }));
    await first;
    hub.send({ type: 'shutdown' });
    expect(await refused).toEqual({ kind: 'aborted' });
    expect(failed).toMatchObject({ code: 'shutdown', side: 'local' });
    await toPromise(hub);
  });
});

describe('embedding: charts of your own in an engine', () => {
  test('connectionMachine.provide and hubMachine.provide take effect', async () => {
    const peer = await server();
    const states: string[] = [];
    let requests = 0;
    const connection = connectionMachine.provide({
      actions: {
        report: ({ context }, { state }) => {
          states.push(state);
          context.port.report(state);
        },
      },
    });
    const hub = hubMachine.provide({
      actions: {
        requestPeer: ({ context, event }) => {
          requests++;
          if (event.type === 'peer.requested') context.hub.connect(event.request, event.caller);
        },
      },
    });
    const engine = createEngine({ transports: [tcp()], protocols: [resume()], machines: { connection, hub } });
    ends.push(() => engine.shutdown());
    await engine.start();
    const session = await engine.connect(peer.addresses[0]!);
    await session.close();
    expect([requests, states.slice(0, 6)]).toEqual([1, ['none', 'queued', 'initiated', 'inProgress', 'trusted', 'completed']]);
  });
});

describe('embedding: an engine and its sessions in a chart of your own', () => {
  /** Supervises two sessions: one that failed is made anew. */
  const parent = setup({
    types: {
      context: {} as { readonly server: string; readonly connected: readonly string[]; readonly restarts: number },
      input: {} as { readonly server: string },
      events: {} as EngineActorEvent | ConnectionActorEvent | { readonly type: 'stop' },
    },
    actors: { engine: fromEngine((_: undefined) => engineAt()), session: fromConnection() },
    actions: {
      noteConnected: assign({
        connected: ({ context, event }) =>
          event.type === 'connection.connected' ? [...context.connected, event.connection.protocol] : context.connected,
      }),
      countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    },
    guards: { isListening: ({ event }) => 'snapshot' in event && (event.snapshot as { isListening: boolean }).isListening },
  }).createMachine({
    context: ({ input }) => ({ server: input.server, connected: [], restarts: 0 }),
    invoke: { src: 'engine', id: 'engine', onSnapshot: { guard: 'isListening', target: '.running' } },
    initial: 'starting',
    states: {
      starting: {},
      running: {
        type: 'parallel',
        on: { 'connection.connected': { actions: 'noteConnected' }, stop: 'over' },
        states: Object.fromEntries(
          ['first', 'second'].map((name) => [
            name,
            {
              initial: 'up',
              states: {
                up: {
                  invoke: {
                    src: 'session' as const,
                    id: name,
                    input: ({ context, self }) => ({
                      engine: (self.getSnapshot().children['engine'] as ActorRefFrom<ReturnType<typeof fromEngine>>).getSnapshot()
                        .engine,
                      target: context.server,
                    }),
                    onDone: { target: 'up', reenter: true, actions: 'countRestart' as const },
                    onError: { target: 'up', reenter: true, actions: 'countRestart' as const },
                  },
                },
              },
            },
          ]),
        ),
      },
      over: { type: 'final' },
    },
  });

  test('it invokes an engine, supervises two sessions, and restarts one that failed', async () => {
    const peer = await server();
    const actor = createActor(parent, { input: { server: peer.addresses[0]! } }).start();
    await waitFor(actor, ({ context }) => context.connected.length === 2);
    expect(() => JSON.stringify([actor.getSnapshot(), actor.getPersistedSnapshot()])).not.toThrow();
    const accepted = peer.incoming[Symbol.asyncIterator]();
    await (await accepted.next()).value!.close(); // One of the two ends, and is made anew.
    await waitFor(actor, ({ context }) => context.restarts === 1 && context.connected.length === 3);
    const { engine } = (actor.getSnapshot().children['engine'] as ActorRefFrom<ReturnType<typeof fromEngine>>).getSnapshot();
    const over = new Promise<void>((done) => engine.on(() => {}, done));
    actor.send({ type: 'stop' });
    await over; // The engine goes with the state that invoked it.
    expect(engine.metrics()).toMatchObject({ connections: 0, wires: 0 });
  });

  test('an engine that can’t listen fails its actor, and a session without a peer its own', async () => {
    const taken = await server();
    const lame = createActor(
      fromEngine(() => engineAt([taken.addresses[0]!])),
      { input: undefined },
    ).start();
    await expect(toPromise(lame)).rejects.toMatchObject({ code: 'bad-address' });
    const engine = engineAt();
    ends.push(() => engine.shutdown());
    await engine.start();
    await taken.shutdown();
    const session = createActor(fromConnection(), { input: { engine, target: 'tcp://127.0.0.1:1' } }).start();
    await expect(toPromise(session)).rejects.toMatchObject({ closing: { code: 'refused' } });
  });

  test('a session that is stopped says goodbye', async () => {
    const peer = await server();
    const engine = engineAt();
    ends.push(() => engine.shutdown());
    await engine.start();
    const session = createActor(fromConnection(), { input: { engine, target: peer.addresses[0]! } }).start();
    await waitFor(session, ({ connection }) => connection !== undefined);
    const { value } = await peer.incoming[Symbol.asyncIterator]().next();
    session.stop();
    expect(await value!.closed).toMatchObject({ code: 'peer-goodbye' });
  });
});
