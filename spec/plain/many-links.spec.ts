import { createActor, fromCallback, type AnyActorRef, type AnyMachineSnapshot, type EventObject } from 'xstate';
import { tunaSessionMachine } from '../../machines/index.js';
import { SessionConns } from '../../machines/tuna/session-conns.js';
import { TunaWorld } from '../tuna/tuna-world.js';
import { nameOf, Recorder, SNAPSHOT_BYTES_MAX } from './record.js';

const LINKS_MAX = 15;
/** Two for each place, and the reserve: more wires than this a session turns away. */
const WIRES_MAX = 2 * LINKS_MAX + 15;

/** The actors of a protocol's chart in the engines that a recorder has seen. */
const actorsOf = (recorder: Recorder, name: string): AnyActorRef[] =>
  [...recorder.runs.keys()].filter((actor) => nameOf(actor) === name);

const persistedOf = (actor: AnyActorRef): { readonly children: object; readonly context: object } => {
  const persisted: object = actor.getPersistedSnapshot();
  return persisted as ReturnType<typeof persistedOf>;
};

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** A table with a wire in every slot, as an acceptor may have it at most: each place is taken and is to be replaced. */
function crowded(named: boolean): SessionConns {
  const conns = new SessionConns(LINKS_MAX);
  const seat = (i: number): number | undefined => {
    const found = conns.seat(named ? i : undefined, `tcp://[2001:db8:85a3::8a2e:370:7334]:${30_000 + (i % LINKS_MAX)}`);
    if (found === undefined) return undefined;
    conns.used(found.slot);
    if (found.isReserve) conns.reserved(found.slot);
    else conns.opened(found.slot);
    return found.slot;
  };
  for (let i = 0; i < LINKS_MAX; i++) conns.joined(seat(i)!);
  if (named) for (let i = 0; i < LINKS_MAX; i++) seat(i);
  for (let i = LINKS_MAX; seat(i) !== undefined; i++);
  for (let slot = 0; slot < conns.slots; slot++) conns.wanted(slot);
  return conns;
}

describe('plain data: a Tuna session with as many links as there can be', () => {
  test.each([
    [LINKS_MAX, LINKS_MAX],
    [LINKS_MAX, 4],
    [LINKS_MAX, 1],
  ])('%i links, %i places: both ends are small, persisted too', (links, places) => {
    const recorder = new Recorder();
    const w = new TunaWorld(1, { numTunaListeners: links }, { numTunaListeners: places }, recorder);
    w.connect();
    w.clock.advance(30_000);
    expect(w.near!.state).toBe('completed');
    expect(recorder.faults).toEqual([]);
    const actors = actorsOf(recorder, 'tuna');
    expect(actors).toHaveLength(2);
    for (const actor of actors)
      for (const whole of [actor.getSnapshot() as AnyMachineSnapshot, persistedOf(actor)])
        for (const conns of [crowded(true).state, crowded(false).state]) {
          const slots = Array.from({ length: conns.slots }, (_, slot) => slot);
          const filled = JSON.parse(JSON.stringify(whole)) as { context: object; children: object };
          const refs = slots.map((slot) => [`link ${slot}`, { xstate$$type: 1, id: `link ${slot}` }] as const);
          const links = 'link 0' in filled.children ? Object.fromEntries(refs) : {};
          const largest = { ...filled, context: { ...filled.context, conns, slots }, children: { ...filled.children, ...links } };
          expect(bytesOf(largest)).toBeLessThan(SNAPSHOT_BYTES_MAX);
        }
    void Promise.all([w.a.shutdown(), w.b.shutdown()]);
    w.clock.advance(20_000);
  });

  test.each([true, false])('the table of %s wires stays what it is, and is small', (named) => {
    const { state } = crowded(named);
    expect(state.slots).toBe(WIRES_MAX);
    expect(new SessionConns(state).state).toEqual(state);
  });

  test('a chart made by `provide` persists as little', () => {
    const conns = crowded(true).state;
    const idle = fromCallback<EventObject>(() => undefined) as never;
    const chart = tunaSessionMachine.provide({
      actors: { link: idle, ncp: idle },
      actions: { bindPump: () => {}, showConns: () => {} },
    });
    const plane = { input: { limits: { numTunaListeners: LINKS_MAX }, offer: undefined }, addresses: { dials: () => {} } };
    const session = { plane, offer: () => {}, stop: () => {}, toJSON: () => 'the session' };
    const actor = createActor(chart.provide({}), { input: { role: 'dialer', session } as never }).start();
    const { children, context } = actor.getSnapshot() as AnyMachineSnapshot & { readonly context: object };
    expect(Object.keys(children)).toHaveLength(1 + LINKS_MAX);
    const persisted = persistedOf(actor);
    expect(Object.keys(persisted.children)).toEqual(['ncp']);
    expect(bytesOf({ ...persisted, context: { ...context, conns } })).toBeLessThan(SNAPSHOT_BYTES_MAX);
    actor.stop();
  });
});
