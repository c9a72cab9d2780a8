import { Actor } from 'xstate';
import { createEngine, type Engine, type Runtime } from '../../adapters/index.js';
import { ConnectionManager } from '../../adapters/pool/index.js';
import { createNode, makeNodeKey } from '../../adapters/rendezvous/index.js';
import { resume } from '../../adapters/resume/index.js';
import { Hub } from '../../adapters/ship/index.js';
import { CompactActor } from '../../machines/runtime/actor.js';
import type { Transport } from '../../machines/ports.js';
import { memory } from '../../transports/memory.js';
import { SimClock } from '../sim/clock.js';

const SKI = 'a'.repeat(40);
const ports = { clock: new SimClock(), random: () => 0.5, entropy: (bytes: number) => new Uint8Array(bytes) };

/** Everything that takes the option, over a network in memory. */
const makers: Readonly<Record<string, (runtime: Runtime | undefined) => Engine>> = {
  createEngine: (runtime) => createEngine({ transports: [transport()], protocols: [resume()], ...given(runtime) }),
  ConnectionManager: (runtime) =>
    new ConnectionManager({
      ...{ id: 'a'.repeat(64), identity: 'stated', transports: [transport()], resolver: { resolve: () => [] }, ports },
      ...given(runtime),
    }).engine,
  createNode: (runtime) => createNode({ key: makeNodeKey(), transports: [transport()], ports, ...given(runtime) }).engine,
  Hub: (runtime) => new Hub({ ski: SKI, shipId: 'me', transports: [transport()], ports, ...given(runtime) }).engine,
};

const transport = (): Transport => memory({ clock: ports.clock });
const given = (runtime: Runtime | undefined): { runtime?: Runtime } => (runtime === undefined ? {} : { runtime });

describe.each(Object.entries(makers))('runtime/choice: runtime option of %s', (_, make) => {
  test('`compact` is the default', () => {
    for (const runtime of [undefined, 'compact'] as const) expect(make(runtime).actor).toBeInstanceOf(CompactActor);
  });

  test('`xstate` makes actors of XState’s own', () => {
    expect(make('xstate').actor).toBeInstanceOf(Actor);
  });

  test.each(['lean', '', 'XState', 5, null, {}])('%p is refused, with what was expected', (runtime) => {
    expect(() => make(runtime as never)).toThrow(/runtime: expected 'compact' or 'xstate', got/);
  });
});
