import { SeededRandom } from '../sim/random.js';
import { CrossingPair, type Round } from './crossing.js';
import { buildShipGo, shipGoAvailable } from './ship-go.js';

const withShipGo = shipGoAvailable() ? test : test.skip;
/** `ROUNDS=25` makes 200 of them. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 2);
const PAIRS = 8;

beforeAll(async () => {
  if (shipGoAvailable()) await buildShipGo();
}, 240_000);

withShipGo(
  'dials that cross: one connection each, which carries data, and as many ends as there were beginnings but one',
  async () => {
    const pairs = await Promise.all(
      Array.from({ length: PAIRS }, (_, i) => CrossingPair.start(i % 2 === 0, i % 4 < 2 ? 'initiator' : 'mostRecent')),
    );
    const rounds: Round[] = [];
    try {
      await Promise.all(
        pairs.map(async (pair, i) => {
          const random = new SeededRandom(i + 1);
          for (let n = 0; n < ROUNDS; n++) {
            const offsetMs = random.int(24) - 20;
            rounds.push(await pair.round(offsetMs));
            expect(pair.connections).toBe(1);
            await pair.part();
          }
          expect({ i, connected: pair.connected }).toEqual({ i, connected: pair.disconnected });
        }),
      );
    } finally {
      await Promise.all(pairs.map((pair) => pair.end()));
    }
    for (const round of rounds) expect(round).toMatchObject({ connected: round.disconnected + 1 });
    const crossed = rounds.filter((round) => round.wires > 1).length;
    expect(crossed).toBeGreaterThan(rounds.length / 2);
    const replaced = rounds.filter((round) => round.connected > 1).length;
    const ms = rounds.map((round) => round.ms).sort((a, b) => a - b);
    process.stderr.write(
      `${rounds.length} rounds, ${crossed} with dials that crossed, ${replaced} with a completed connection replaced; ` +
        `a round took ${Math.round(ms[ms.length >> 1]!)} ms in the middle, ${Math.round(ms.at(-1)!)} ms at most\n`,
    );
  },
  20_000 + ROUNDS * 20_000,
);
