import { createMachine, sendParent } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { resumeMachine } from '../../machines/resume/resume.machine.js';
import type { Closing } from '../../machines/closing.js';
import type { Protocol, SessionRequest } from '../../machines/protocol.js';
import { Town } from './town.js';

/** Where a defect of a protocol can be, and what it takes to get there: the first `faults` times it throws. */
const DEFECTS: Readonly<Record<string, (faults: { left: number }) => Protocol>> = {
  'in the chart, before the handshake': (faults) => machineOf(faults, 'begin'),
  'in the chart, while connected': (faults) => machineOf(faults, 'connected'),
  "in the making of a session, inside the connection's own actor": (faults) => {
    const whole = resume();
    return {
      ...whole,
      makeSession: (request: SessionRequest) => {
        if (request.role === 'dialer') fail(faults);
        return whole.makeSession(request);
      },
    } as unknown as Protocol;
  },
};

function fail(faults: { left: number }): void {
  if (faults.left-- > 0) throw new Error('a defect of the protocol');
}

/** Complete at once; with a defect in an action. */
function machineOf(faults: { left: number }, where: 'begin' | 'connected'): Protocol {
  const machine = createMachine({
    initial: 'begun',
    states: {
      begun: {
        entry: [
          () => where === 'begin' && fail(faults),
          sendParent({ type: 'handshake.started' }),
          sendParent({ type: 'trust.established' }),
          sendParent({ type: 'handshake.completed' }),
        ],
        after: { 100: 'later' },
      },
      later: { entry: () => where === 'connected' && fail(faults), on: { abort: 'over', close: 'over' } },
      over: { type: 'final' },
    },
  });
  return { ...resume(), machine } as unknown as Protocol;
}

describe('[DIAL-5] hub/crashes: a registered peer whose connection fails by a defect is dialed again', () => {
  test.each(Object.keys(DEFECTS))('%s', async (where) => {
    const town = new Town(1);
    town.server('b');
    const client = town.engine('a', { protocols: [DEFECTS[where]!({ left: 3 })] });
    const endings: Closing[] = [];
    client.on((event) => event.type === 'closing' && endings.push(event.closing));
    client.peers.register('sim://b:1');
    await town.pass(20_000);
    expect(endings.map(({ code, side }) => `${code} ${side}`)).toEqual(Array(3).fill('internal local'));
    expect(endings[0]!.detail?.message).toContain('a defect of the protocol');
    expect(client.peers.state('sim://b:1')).toMatchObject({ state: 'completed', isRegistered: true });
    expect(client.metrics().connections).toBe(1);
  });

  test.each(Object.keys(DEFECTS))('%s, each time: the dials grow rare, and nothing is left after a shutdown', async (where) => {
    const town = new Town(2);
    town.server('b');
    const client = town.engine('a', { protocols: [DEFECTS[where]!({ left: Infinity })] });
    let count = 0;
    client.on((event) => event.type === 'closing' && count++);
    client.peers.register('sim://b:1');
    await town.pass(1000);
    expect(count).toBeLessThanOrEqual(12);
    await town.pass(60_000);
    expect(count).toBeLessThan(60);
    expect(count).toBeGreaterThan(10);
    void client.shutdown();
    await town.pass(2000);
    expect({ ...client.metrics(), states: 0 }).toMatchObject({ connections: 0, wires: 0 });
  });

  test.each(Object.keys(DEFECTS))('%s: `unregister` ends it, and a lone `connect` fails at once', async (where) => {
    const town = new Town(3);
    town.server('b');
    const client = town.engine('a', { protocols: [DEFECTS[where]!({ left: Infinity })] });
    client.peers.register('sim://b:1');
    await town.pass(2000);
    client.peers.unregister('sim://b:1');
    await town.pass(10_000);
    expect(client.metrics().connections).toBe(0);
    if (where.includes('connected')) return;
    const outcome = town.connect(client, 'sim://b:1');
    await town.pass(100);
    expect(outcome.closing?.code).toBe('internal');
    await town.pass(10_000);
    expect(client.metrics().connections).toBe(0);
  });
});

test('[DIAL-5] hub/crashes: a chart that throws leaves no wire behind', async () => {
  const town = new Town(4);
  const server = town.server('b');
  const faults = { left: 1 };
  const isAbrupt = (): boolean => {
    fail(faults);
    return false;
  };
  const machine = resumeMachine.provide({ guards: { isAbrupt } });
  const client = town.engine('a', { protocols: [{ ...resume({ idleMs: 0 }), machine }] });
  const ended: string[] = [];
  let held: { close(): unknown } | undefined;
  client.on((event) => event.type === 'connected' && (held ??= event.connection));
  client.peers.register('sim://b:1');
  await town.pass(2000);
  expect({ wires: client.metrics().wires, served: server.metrics().wires }).toEqual({ wires: 1, served: 1 });
  client.on((event) => event.type === 'disconnected' && ended.push(event.closing.code));
  held!.close();
  await town.pass(20_000);
  expect(ended).toEqual(['internal']);
  expect({ wires: client.metrics().wires, served: server.metrics().wires }).toEqual({ wires: 1, served: 1 });
});
