import {
  assign,
  createActor,
  fromCallback,
  fromTransition,
  setup,
  type AnyActorLogic,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate';
import * as machines from '../../machines/index.js';
import { connectionMachine } from '../../machines/connection/connection.machine.js';
import { Configurations } from '../../machines/runtime/configuration.js';
import { PrecomputedTransitions } from '../../machines/runtime/precomputed-transitions.js';
import type { Transition } from '../../machines/runtime/xstate-internals.js';
import { resumeMachine } from '../../machines/resume/resume.machine.js';
import { RESUME_LIMITS } from '../../machines/resume/resume.timing.js';
import type { Clock } from '../../machines/ports.js';
import { sessionOver } from '../model/charts/session.js';
import { compare, compareUnwatched } from './compare.js';
import { CompactActor } from '../../machines/runtime/actor.js';
import { freeModel } from '../model/free.js';
import { SeededRandom } from '../sim/random.js';
import { historic, mixed, mortal, motley, parental } from './sample-charts.js';

/** Every chart that the package exports. */
const charts: Readonly<Record<string, AnyStateMachine>> = Object.fromEntries(
  Object.entries(machines).flatMap(([name, value]) => (name.endsWith('Machine') ? [[name, value as AnyStateMachine]] : [])),
);

const names = (...types: string[]): AnyEventObject[] => types.map((type) => ({ type }));

const isSupported = (logic: AnyActorLogic): boolean => PrecomputedTransitions.of(logic) !== undefined;

describe('runtime: a compact actor shows what XState’s own actor shows, every inspection event included', () => {
  test('for a chart of every kind of state', () => {
    const events = names(
      ...['go', 'go', 'home', 'self', 'same', 'up', 'ask', 'ring', 'again', 'finish', 'stop', 'any.move', 'any.thing', 'none'],
    );
    expect(isSupported(motley(() => undefined))).toBe(true);
    const seen = new Set<string>();
    for (let seed = 1; seed <= 100; seed++)
      for (const line of compare(seed, motley, events)) seen.add(line.split(' ').slice(0, 2).join(' '));
    expect([...seen]).toEqual(
      expect.arrayContaining([
        'it: action',
        'it: actor',
        'it: event',
        'it: microstep',
        'it: snapshot',
        'kid: actor',
        'call: event',
      ]),
    );
  });

  test('for a chart that ends, breaks and exits', () => {
    expect(isSupported(mortal(() => undefined))).toBe(true);
    const seen: string[] = [];
    for (let seed = 1; seed <= 100; seed++)
      seen.push(...compare(seed, mortal, names('a', 'b', 'both', 'count', 'end', 'fail', 'count')));
    expect(seen.some((line) => line.startsWith('parent hears xstate.done.actor.it'))).toBe(true);
    expect(seen.some((line) => line.startsWith('parent hears xstate.error.actor.it'))).toBe(true);
  });

  test('for a chart that begins and ends children in every way, and emits, logs and enqueues', () => {
    expect(isSupported(parental(() => undefined))).toBe(true);
    const events = names(
      ...[
        'go',
        'same',
        'again',
        'beat',
        'tell',
        'raised',
        'spawn',
        'assigned',
        'unnamed',
        'stop',
        'stopAssigned',
        'both',
        'say',
        'end',
      ],
    );
    for (let seed = 1; seed <= 60; seed++) compare(seed, parental, events);
  });

  test('for a chart that throws at birth, in its context or in an entry action', () => {
    for (const place of ['context', 'assign', 'entry'] as const) {
      const logicOf = (): AnyActorLogic =>
        setup({ types: { context: {} as { n: number } } }).createMachine({
          context: () => {
            if (place === 'context') throw new Error('at birth');
            return { n: 0 };
          },
          initial: 'a',
          states: {
            a: {
              entry: [
                assign({ n: () => { if (place === 'assign') throw new Error('at birth'); return 1; } }),
                () => { if (place === 'entry') throw new Error('at birth'); },
              ],
            },
          },
        }); // prettier-ignore
      expect(compare(1, logicOf, names('x'))).toContainEqual(expect.stringContaining('at birth'));
    }
  });

  test.each(Object.entries(charts))('for the chart of %s, whatever its guards answer', (_, machine) => {
    expect(isSupported(machine)).toBe(true);
    const { machine: bare, samples } = freeModel(machine);
    const events = [...new Set(Object.values(samples).map((sample) => (sample as AnyEventObject).type))].map((type) => ({
      type,
    }));
    const logicOf = (seed: number) => (): AnyActorLogic => {
      const random = new SeededRandom(seed);
      const guards = Object.keys(bare.implementations.guards).map((name) => [name, () => random.chance(0.4)]);
      return bare.provide({ guards: Object.fromEntries(guards) as never });
    };
    for (let seed = 1; seed <= 30; seed++) compare(seed, logicOf(seed), events);
  });

  test('for the connection chart with its own guards and actions', () => {
    const protocol = fromCallback<EventObject>(() => undefined);
    const logicOf = (): AnyActorLogic => connectionMachine.provide({ actors: { protocol: protocol as never } });
    const opener = (): (() => void) => () => undefined;
    const port = {
      requestDial: () => () => undefined,
      input: {},
      begin: () => undefined,
      failed: () => undefined,
      report: () => undefined,
      ended: () => undefined,
      rested: () => undefined,
      lost: () => undefined,
      resumed: () => undefined,
      identified: () => undefined,
      yielded: () => undefined,
    };
    const closing = { code: 'closed', side: 'local', reason: '', retry: true };
    const events: AnyEventObject[] = [
      ...names('connect', 'cancel', 'handshake.started', 'trust.established', 'pin.requested', 'handshake.completed'),
      ...names('session.lost', 'session.resumed', 'accept', 'deny', 'probe', 'redial.exhausted', 'pairing.requested'),
      ...names('redial', 'rest', 'dismiss'),
      { type: 'offered', opener, isTrusted: true },
      { type: 'offered', opener, isTrusted: false },
      { type: 'redial.permitted' },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'abort', closing },
      { type: 'xstate.done.actor.protocol', output: { closing } },
      { type: 'xstate.error.actor.protocol', error: new Error('a defect') },
    ];
    expect(PrecomputedTransitions.of(connectionMachine)).toBeInstanceOf(PrecomputedTransitions);
    for (let seed = 1; seed <= 150; seed++) {
      compare(seed, logicOf, events, { port });
    }
  });

  test('for the resume chart with its own guards and actions', () => {
    const plane = {
      ...{ sendHello() {}, listen() {}, open() {}, drain() {}, goodbye() {}, announceDrain() {}, probe() {} },
      ...{
        limits: { ...RESUME_LIMITS, helloTimeoutMs: 60, handshakeTimeoutMs: 90, closeGraceMs: 50 },
        windowMs: 120,
      },
    };
    const opener = () => () => undefined;
    const pump = {
      bind() {},
      flush() {},
      gather() {},
      dismiss() {},
      stop() {},
      attach: () => undefined as never,
      plane,
      clock: { now: () => 5 } as Clock,
    };
    const events: AnyEventObject[] = [
      ...names(
        'wire.opened',
        'wire.opened',
        'handshake.done',
        'handshake.done',
        'session.born',
        'session.born',
        'log.drained',
        'wire.silent',
      ),
      ...names('goodbye.acknowledged', 'probe', 'unheard.of'),
      { type: 'wire.closed', cause: { kind: 'reset' } },
      { type: 'wire.corrupt', code: 'malformed', isStranger: false, progress: 0 },
      { type: 'wire.offered', opener },
      { type: 'redial.permitted' },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'peer.goodbye', code: 'closed' },
      { type: 'peer.draining', afterMs: 5 },
    ];
    expect(PrecomputedTransitions.of(resumeMachine)).toBeInstanceOf(PrecomputedTransitions);
    for (let seed = 1; seed <= 300; seed++) {
      const role = seed % 2 === 0 ? 'dialer' : 'acceptor';
      const session = sessionOver(pump, opener);
      compare(seed, () => resumeMachine, events, { role, session });
    }
  });

  test('for charts of every kind while no inspector looks, where actions take a shorter way', () => {
    const heard = names('go', 'home', 'self', 'same', 'up', 'ask', 'ring', 'again', 'finish', 'stop', 'any.move', 'none');
    const told = names('go', 'same', 'again', 'beat', 'tell', 'raised', 'spawn', 'assigned', 'unnamed', 'stop', 'both', 'end');
    for (let seed = 1; seed <= 60; seed++) {
      compareUnwatched(seed, motley, heard);
      compareUnwatched(seed, mortal, names('a', 'b', 'both', 'count', 'end', 'fail', 'count'));
      compareUnwatched(seed, parental, told);
    }
  });

  test.each(Object.entries(charts))('for the chart of %s while no inspector looks', (_, machine) => {
    const { machine: bare, samples } = freeModel(machine);
    const events = [...new Set(Object.values(samples).map((sample) => (sample as AnyEventObject).type))].map((type) => ({
      type,
    }));
    for (let seed = 1; seed <= 15; seed++) {
      const logicOf = (): AnyActorLogic => {
        const random = new SeededRandom(seed);
        const guards = Object.keys(bare.implementations.guards).map((name) => [name, () => random.chance(0.4)]);
        return bare.provide({ guards: Object.fromEntries(guards) as never });
      };
      compareUnwatched(seed, logicOf, events);
    }
  });

  test('for a chart with history below one without: XState runs it as a child', () => {
    expect(isSupported(historic(() => undefined))).toBe(false);
    for (let seed = 1; seed <= 60; seed++) compare(seed, mixed, names('go', 'out', 'back', 'off', 'on', 'again'));
  });

  test('what is persisted of it is restored by XState’s own actor, children included', () => {
    const parent = createActor(fromTransition((state: object) => state, {})).start();
    const machine = motley(() => undefined);
    const actor = new CompactActor(machine, { id: 'it', src: 'it', parent, input: {} });
    actor.start();
    for (const type of ['go', 'go', 'up', 'ask']) actor.send({ type });
    const persisted = JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as { children: Record<string, unknown> };
    expect(Object.keys(persisted.children)).toEqual(['kid', 'call']);
    const restored = createActor(machine, { snapshot: persisted as never });
    const { value, context } = actor.getSnapshot() as AnyMachineSnapshot;
    expect(restored.getSnapshot()).toMatchObject({ value, context: context as object, status: 'active' });
    actor.halt();
  });

  test('it refuses a chart that it does not support', () => {
    expect(() => compare(1, historic, names('go'))).toThrow('the compact runtime supports every feature');
  });
});

describe('runtime: transition sets', () => {
  test('are made once, those of transitions that exclude each other too', () => {
    const configuration = new Configurations(resumeMachine).initial().next;
    const both = (configuration.selector('wire.closed')?.inner ?? []).flatMap(function all(each): readonly Transition[] {
      return [...each.own.map(({ transition }) => transition), ...each.inner.flatMap(all)];
    });
    expect(both).toHaveLength(2); // Unborn, it ends; linked, it is apart.
    const move = configuration.move(both);
    expect(move.transitions).toHaveLength(1);
    expect(configuration.move([...both])).toBe(move);
    for (const each of both) expect(configuration.move([each])).toBe(configuration.move([each]));
  });

  test('and the configurations they lead to are one object each', () => {
    const all = new Configurations(resumeMachine);
    expect(all.initial().next).toBe(all.initial().next);
  });
});
