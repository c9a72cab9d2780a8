import { pour } from '../tuna/flow.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { tunaPair } from './tuna-pair.js';
import { Ear } from './waits.js';

/**
 * The original keeps its links although they carry as much as they can: 16 MiB in each direction and then in both at once, over one link
 * and over four, in both roles. `SOAK=2048 npx jest spec/interop/tuna-soak` moves 2048 MiB. The original has no second try: whatever it
 * drops counts, and so does a wire that this side gives up.
 */
const mebibytes = Number(process.env['SOAK'] ?? 16);
const withGo = ncpGoAvailable() ? describe : describe.skip;

withGo(`tuna/soak: ${mebibytes} MiB in each direction, sealed, and nothing is cut`, () => {
  beforeAll(() => buildNcpGo(), 240_000);

  for (const role of ['dials', 'is dialed'] as const)
    for (const links of [1, 4])
      test(
        `[NCP-15] [TUNA-1] [TUNA-4] holdfast ${role}, ${links} link(s): no session is lost, no wire ends, and our close arrives`,
        async () => {
          const pair = await tunaPair(role, { numTunaListeners: links }, { links, retries: 0 });
          const { go, near } = pair;
          try {
            const total = mebibytes * 2 ** 20; // A shift would make 2048 of them negative.
            const isOver = near.closed.then(({ code }) => Promise.reject(new Error(`the session ended: ${code}`)));
            isOver.catch(() => {});
            let leastRtoMs = Infinity;
            const watching = setInterval(() => {
              go.process
                .owes()
                .then((owed) => owed.links.forEach(({ rtoMs }) => (leastRtoMs = Math.min(leastRtoMs, rtoMs))))
                .catch(() => {});
            }, 100);
            const rates: number[] = [];
            const move = async (total: number, from: boolean, to: boolean): Promise<void> => {
              const startedAt = performance.now();
              const ear = new Ear(total);
              near.onMessage = (bytes) => ear.hear(bytes);
              const coming = from ? Promise.all([go.send(total), ear.done]) : undefined;
              const going = to ? Promise.all([go.receive(total), pour(near, total)]) : undefined;
              await Promise.race([Promise.all([coming, going]), isOver]);
              rates.push(total / 1e3 / (performance.now() - startedAt));
              if (from) expect([ear.bytes, ear.wrongAt]).toEqual([total, -1]);
              if (to) expect((await going)![0]).toMatchObject({ bytes: total, wrongAt: -1 });
            };
            try {
              await move(total, true, false);
              await move(total, false, true);
              await move(total / 2, true, true);
            } finally {
              clearInterval(watching);
            }
            const [from, to, both] = rates.map((rate) => rate.toFixed(0));
            process.stderr.write(
              `holdfast ${role}, ${links} link(s): from ${from}, to ${to}, both ${both} MB/s; its timeout at least ${leastRtoMs} ms; ${pair.ended()} wires ended\n`,
            );
            expect([near.state, near.stats()['links'], pair.ended(), (await go.state()).closed]).toEqual([
              'completed',
              links,
              0,
              false,
            ]);
            const end = go.receive();
            expect(await near.close()).toMatchObject({ code: 'closed', side: 'local' });
            expect(await end).toMatchObject({ bytes: 0 });
            expect(await go.state()).toMatchObject({ closed: true, closedByRemote: true });
          } finally {
            await pair.stop();
          }
        },
        30_000 + mebibytes * 3000,
      );
});
