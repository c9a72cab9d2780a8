import type { Engine } from '../../machines/engine.js';
import { Town, type Outcome } from './town.js';

const CLIENTS = 2000;

/** How a run ended: who is back on the new server, who was told, and what it cost. */
function report(town: Town, server: Engine, back: number): object {
  return { seed: town.seed, back, served: server.metrics().states.completed, isWithinBudget: town.peak <= 2 * CLIENTS };
}

test.each([
  [1, 0],
  [2, 5000],
])(
  '[DIAL-4] dial budget: 2000 clients in as many engines are back after a server restart, with at most two dials each in any second (seed %d, down %d ms)',
  async (seed, downMs) => {
    const town = new Town(seed, { latencyMs: [1, 5] });
    town.server('b');
    const outcomes: Outcome[] = [];
    const lost = { count: 0 };
    const wanted = Array.from({ length: CLIENTS }, (_, i) => town.engine(`c${i}`, { idleMs: 0 }));
    for (const engine of wanted) {
      engine.on((event) => event.type === 'disconnected' && event.closing.code === 'peer-lost-session' && lost.count++);
      outcomes.push(town.connect(engine, 'sim://b:1', { retry: true }));
    }
    await town.pass(3000);
    expect(outcomes.filter(({ connection }) => connection !== undefined)).toHaveLength(CLIENTS);
    town.dials.length = 0;
    town.network.restart('b', 'crash');
    await town.pass(downMs);
    const server = town.server('b');
    await town.pass(12_000); // Twice the longest wait between two dials, and what a handshake takes.
    const back = wanted.filter((engine) => engine.metrics().states.completed === 1).length;
    expect(report(town, server, back)).toEqual({ seed, back: CLIENTS, served: CLIENTS, isWithinBudget: true });
    expect({ seed, told: lost.count }).toEqual({ seed, told: CLIENTS });
  },
  120_000,
);

test.each([
  [4, 0],
  [5, 3000],
])(
  '[DIAL-1] dial budget: 2000 sessions of one engine learn of a server restart and are back in time (seed %d, down %d ms)',
  async (seed, downMs) => {
    const town = new Town(seed, { latencyMs: [1, 5] });
    town.server('b');
    const client = town.engine('a', { idleMs: 0 });
    const endings: Record<string, number> = {};
    client.on((event) => {
      if (event.type === 'disconnected') endings[event.closing.code] = (endings[event.closing.code] ?? 0) + 1;
    });
    for (let i = 0; i < CLIENTS; i++) town.connect(client, 'sim://b:1', { retry: true });
    await town.pass(20_000);
    expect(client.metrics().states.completed).toBe(CLIENTS);
    town.dials.length = 0;
    town.network.restart('b', 'crash');
    await town.pass(downMs);
    const server = town.server('b');
    await town.pass(15_000);
    expect(report(town, server, client.metrics().states.completed ?? 0)).toEqual({
      ...{ seed, back: CLIENTS, served: CLIENTS, isWithinBudget: true },
    });
    expect({ seed, endings }).toEqual({ seed, endings: { 'peer-lost-session': CLIENTS } });
  },
  120_000,
);
