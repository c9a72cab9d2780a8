import * as xstate from 'xstate';
import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import { internalsMismatch, internalsOk, mismatchOf, type Library } from '../../machines/runtime/internals-check.js';
import type { resume } from '../../adapters/resume/index.js';
import type { Engine, startEngine } from '../../machines/engine.js';
import { EXPECTED_SHAPES } from '../../machines/runtime/xstate-internals.js';
import type { memory } from '../../transports/memory.js';
import { SimClock } from '../sim/clock.js';

interface Modules {
  readonly startEngine: typeof startEngine;
  readonly resume: typeof resume;
  readonly memory: typeof memory;
}
type Subject = keyof typeof EXPECTED_SHAPES;
type Objects = Readonly<Record<string, unknown>>;

const without = (object: unknown, key: string): void => {
  Object.defineProperty(object, key, { value: undefined, configurable: true });
};

const isOfActions = (subject: Subject): boolean => 'resolve' in EXPECTED_SHAPES[subject] || subject === 'and';

/** This XState, in which one property of one kind of object has another name. */
function altered(subject: Subject, key: string): Library {
  const alter = (object: unknown): void => without(object, key);
  if (isOfActions(subject))
    return {
      ...xstate,
      [subject]: (...given: unknown[]) => {
        const action = (xstate as unknown as Record<string, (...given: unknown[]) => object>)[subject]!(...given);
        alter(action);
        return action;
      },
    };
  const createActor = (machine: xstate.AnyStateMachine, options: { inspect: (report: InspectionEvent) => void }): AnyActorRef => {
    const inspect = (report: InspectionEvent): void => {
      options.inspect(report);
      if (report.type === '@xstate.microstep' && subject === 'microstep') alter(report);
    };
    const actor = xstate.createActor(machine, { ...options, inspect }) as AnyActorRef;
    const { root } = machine;
    const child = (actor.getSnapshot() as AnyMachineSnapshot).children['c'];
    const objects: Objects = {
      ...{ root: actor, child, system: actor.system, timers: actor.system.scheduler, node: root, initial: root.initial },
      ...{ transition: root.always?.[0], implementations: machine.implementations },
    };
    const start = actor.start.bind(actor);
    actor.start = () => {
      start();
      actor.send = (event) => {
        (actor as unknown as { _send(event: object): void })._send(event);
        if (subject === 'snapshot') {
          const snapshot = actor.getSnapshot() as object;
          actor.getSnapshot = () => snapshot;
          alter(snapshot);
        } else if (subject in objects) alter(objects[subject]);
      };
    };
    return actor;
  };
  return { ...xstate, createActor: createActor as never };
}

describe('runtime: the check of XState’s internals', () => {
  test('passes with the installed version', () => {
    expect(internalsMismatch()).toBeUndefined();
    expect(internalsOk()).toBe(true);
  });

  const cases = Object.entries(EXPECTED_SHAPES).flatMap(([subject, shape]) =>
    Object.entries(shape).flatMap(([key, type]) => (type === 'absent' ? [] : [[subject as Subject, key] as const])),
  );

  test.each(cases)('notices that %s has no %s', (subject, key) => {
    const found = mismatchOf(altered(subject, key));
    // XState itself fails without the parts of its actions, before they are compared.
    if (isOfActions(subject)) expect(found).toBeDefined();
    else expect(found).toContain(`${subject}.${key}: expected`);
  });

  test('notices a property that snapshots have besides', () => {
    const library = {
      ...xstate,
      createActor: (machine: xstate.AnyStateMachine, options: object) => {
        const actor = xstate.createActor(machine, options) as AnyActorRef;
        const get = actor.getSnapshot.bind(actor);
        actor.getSnapshot = () => Object.assign(get() as object, { newThing: 1 });
        return actor;
      },
    };
    expect(mismatchOf(library as never)).toContain('the properties of a snapshot');
  });

  test('notices another order of reports, and actors that do not start', () => {
    const tampered = (change: (report: InspectionEvent) => InspectionEvent[]): Library => ({
      ...xstate,
      createActor: ((machine: xstate.AnyStateMachine, { inspect, ...options }: { inspect: (report: InspectionEvent) => void }) =>
        xstate.createActor(machine, { ...options, inspect: (report) => change(report).forEach(inspect) })) as never,
    });
    expect(mismatchOf(tampered((report) => (report.type === '@xstate.actor' ? [] : [report])))).toContain('the order of reports');
    expect(mismatchOf(tampered((report) => [report, report]))).toContain('the order of reports');
    expect(mismatchOf({ ...xstate, createActor: (() => ({ getSnapshot: () => ({ children: {} }) })) as never })).toBeDefined();
  });
});

describe('runtime: with an XState that differs', () => {
  /** Modules of their own, over an XState that names one of its actions differently: nothing but the check depends on that. */
  async function isolated<Result>(run: (modules: Modules) => Promise<Result>): Promise<Result> {
    let result: Promise<Result> | undefined;
    await jest.isolateModulesAsync(async () => {
      jest.doMock('xstate', () => {
        const actual = jest.requireActual<typeof xstate>('xstate');
        const emit = (...given: Parameters<typeof xstate.emit>): object =>
          Object.assign(actual.emit(...given), { type: 'xstate.emits' });
        return { ...actual, emit };
      });
      const { startEngine } = await import('../../machines/engine.js');
      const { resume } = await import('../../adapters/resume/index.js');
      const { memory } = await import('../../transports/memory.js');
      result = run({ startEngine, resume, memory });
      jest.dontMock('xstate');
    });
    return result!;
  }

  test('engines run on XState’s own actors, connect and send, and that is reported once', async () => {
    const reports: string[] = [];
    const result = await isolated(async ({ startEngine, resume, memory }) => {
      const clock = new SimClock();
      const report = (name: string, error: unknown): void => void reports.push(`${name}: ${(error as Error).message}`);
      let seed = 0;
      const ports = { clock, random: () => 0.5, entropy: (n: number) => new Uint8Array(n).map(() => ++seed & 255), report };
      const transports = [memory({ clock })];
      const [server, client] = [['memory://a'], []].map((listen) =>
        startEngine(ports, { transports, protocols: [resume()], listen }),
      ) as [Engine, Engine];
      const got: number[] = [];
      await Promise.all([server.start(), turns(clock, 10)]);
      await client.start();
      void (async () => {
        for await (const connection of server.incoming) connection.onMessage = (bytes) => void got.push(...bytes);
      })();
      const connecting = client.connect('memory://a');
      await turns(clock, 100);
      await Promise.all([(await connecting).send(Uint8Array.of(7)), turns(clock, 100)]);
      await Promise.all([client.shutdown(), server.shutdown(), turns(clock, 3000)]);
      return { got, actors: [server, client].map((each) => each.actor.constructor.name) };
    });
    expect(result).toEqual({ got: [7], actors: ['Actor', 'Actor'] });
    expect(reports).toEqual([
      expect.stringMatching(/^runtime: this xstate differs from 5.33.3.*emit.type: expected xstate.emit, found xstate.emits/),
    ]);
  });
});

async function turns(clock: { advance(ms: number): void }, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10);
  }
}
