import { fromCallback, setup, type AnyActorLogic, type AnyEventObject, type AnyStateMachine, type EventObject } from 'xstate';
import { connectionMachine } from '../../machines/connection/connection.machine.js';
import { Chart } from '../../machines/runtime/step.js';
import { Places, type Transition } from '../../machines/runtime/configuration.js';
import { swift } from '../../machines/runtime/root-logic.js';
import { resumeMachine } from '../../machines/resume/resume.machine.js';
import { RESUME_LIMITS } from '../../machines/resume/resume.timing.js';
import { compare, fat, type Make } from './compare.js';
import { mortal, motley } from './sample-charts.js';

const names = (...types: string[]): AnyEventObject[] => types.map((type) => ({ type }));

describe('a lean actor', () => {
  test('is told from XState’s own by nothing that can be seen, whatever happens to a chart of every kind of state', () => {
    const events = names(
      'go',
      'go',
      'home',
      'self',
      'same',
      'up',
      'ask',
      'ring',
      'again',
      'finish',
      'stop',
      'any.move',
      'any.thing',
      'none',
    );
    expect(Chart.of(motley(() => undefined) as never)).toBeInstanceOf(Chart); // Undefined would be: left to XState.
    const seen = new Set<string>();
    for (let seed = 1; seed <= 150; seed++) for (const line of compare(seed, motley, events)) seen.add(line.split(' ')[0]!);
    expect([...seen].sort()).toEqual(expect.arrayContaining(['action', 'call', 'kid', 'next', 'step', 'walk']));
  });

  test('ends, breaks and exits as XState’s own', () => {
    expect(Chart.of(mortal(() => undefined) as never)).toBeInstanceOf(Chart);
    const seen: string[] = [];
    for (let seed = 1; seed <= 100; seed++)
      seen.push(...compare(seed, mortal, names('a', 'b', 'both', 'count', 'end', 'fail', 'count')));
    expect(seen.some((line) => line.startsWith('parent hears xstate.done.actor.it'))).toBe(true);
    expect(seen.some((line) => line.startsWith('parent hears xstate.error.actor.it'))).toBe(true);
  });

  test('carries the house’s connection chart as XState does', () => {
    const protocol = fromCallback<EventObject>(() => undefined);
    const logicOf = (): AnyActorLogic => connectionMachine.provide({ actors: { protocol: protocol as never } });
    const opener = (): (() => void) => () => undefined;
    const port = {
      grantDesk: () => () => undefined,
      begin: () => ({}),
      report: () => undefined,
      ended: () => undefined,
      rested: () => undefined,
      lost: () => undefined,
      resumed: () => undefined,
      isDuplicate: () => false,
      identified: () => undefined,
      yielded: () => undefined,
    };
    const closing = { code: 'closed', side: 'local', reason: '', retry: true };
    const events: AnyEventObject[] = [
      ...names('connect', 'cancel', 'handshake.started', 'trust.established', 'pin.requested', 'handshake.completed'),
      ...names('session.lost', 'session.resumed', 'accept', 'deny', 'probe', 'redial.given-up', 'pairing.requested'),
      { type: 'offered', opener, isTrusted: true },
      { type: 'offered', opener, isTrusted: false },
      { type: 'redial.granted', opener },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'abort', closing },
      { type: 'xstate.done.actor.protocol', output: { closing } },
      { type: 'xstate.error.actor.protocol', error: new Error('a defect') },
    ];
    expect(Chart.of(connectionMachine)).toBeInstanceOf(Chart);
    for (let seed = 1; seed <= 150; seed++) {
      compare(seed, logicOf, events, { port: { ...port, mayRetry: () => seed % 2 === 0 } });
    }
  });

  test('carries the house’s resume chart as XState does', () => {
    const plane = {
      ...{ greet() {}, listen() {}, open() {}, drain() {}, goodbye() {}, announceDrain() {}, probe() {} },
      ...{
        limits: { ...RESUME_LIMITS, greetingTimeoutMs: 60, handshakeTimeoutMs: 90, closeGraceMs: 50 },
        windowMs: 120,
        isHeard: true,
      },
      ...{ acknowledged: 0, stats: { received: 0 } },
    };
    const pump = { bind() {}, flush() {}, stop() {}, attach() {}, plane };
    const opener = () => () => undefined;
    const clock = { now: () => 5 };
    const events: AnyEventObject[] = [
      ...names(
        'wire.opened',
        'wire.opened',
        'peer.greeted',
        'peer.greeted',
        'session.born',
        'session.born',
        'log.drained',
        'wire.silent',
      ),
      ...names('goodbye.acknowledged', 'probe', 'unheard.of'),
      { type: 'wire.closed', cause: { kind: 'reset' } },
      { type: 'wire.spoilt', code: 'malformed' },
      { type: 'wire.offered', opener },
      { type: 'redial.granted', opener },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'peer.goodbye', code: 'closed' },
      { type: 'peer.draining', afterMs: 5 },
    ];
    expect(Chart.of(resumeMachine)).toBeInstanceOf(Chart);
    for (let seed = 1; seed <= 300; seed++) {
      const role = seed % 2 === 0 ? 'dialer' : 'acceptor';
      compare(seed, () => resumeMachine, events, { role, pump, clock, desk: () => () => undefined, opener });
    }
  });

  test('leaves a chart with history to XState, and carries it all the same', () => {
    const logicOf = (): AnyActorLogic =>
      setup({ types: { events: {} as { type: string } } }).createMachine({
        initial: 'in',
        states: {
          in: {
            initial: 'a',
            states: { a: { on: { go: 'b' } }, b: { on: { go: 'a' } }, was: { type: 'history' } },
            on: { out: 'out' },
          },
          out: { on: { back: 'in.was' } },
        },
      });
    expect(Chart.of(logicOf() as never)).toBeUndefined();
    for (let seed = 1; seed <= 20; seed++) compare(seed, logicOf, names('go', 'out', 'back'));
  });
});

describe('plans', () => {
  test('are made once, those of transitions that exclude each other too', () => {
    const place = new Places(resumeMachine).beginning().next;
    const both = (place.selector('wire.closed')?.inner ?? []).flatMap(function all(each): readonly Transition[] {
      return [...each.own, ...each.inner.flatMap(all)];
    });
    expect(both).toHaveLength(2); // Unborn, it ends; linked, it is apart.
    const plan = place.plan(both);
    expect(plan.transitions).toHaveLength(1);
    expect(place.plan([...both])).toBe(plan);
    for (const each of both) expect(place.plan([each])).toBe(place.plan([each]));
  });

  test('and the configurations they lead to are one object each', () => {
    const places = new Places(resumeMachine);
    expect(places.beginning().next).toBe(places.beginning().next);
  });
});

test('XState’s own actor goes by plans as it goes without', () => {
  const quick: Make = (logic, parent, input) => fat(swift(logic as AnyStateMachine), parent, input);
  for (let seed = 1; seed <= 60; seed++)
    compare(seed, motley, names('go', 'home', 'self', 'up', 'ask', 'ring', 'again', 'finish', 'any.move'), {}, quick);
});
