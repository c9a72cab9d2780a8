import { pour } from '../tuna/flow.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { tunaPair } from './tuna-pair.js';
import { Ear } from './waits.js';

/**
 * The original keeps its links although they carry as much as they can: `SOAK=2048 npx jest spec/interop/tuna-soak` moves 2048 MiB in
 * each direction, over one link and over four, in both roles; without `SOAK`, nothing. The original has no second try: whatever
 * it drops counts.
 */
const mebibytes = Number(process.env['SOAK'] ?? 0);
const withGo = mebibytes > 0 && ncpGoAvailable() ? describe : describe.skip;

withGo(`tuna/soak: ${mebibytes} MiB in each direction, sealed, and nothing is cut`, () => {
  beforeAll(() => buildNcpGo(), 240_000);

  for (const role of ['dials', 'is dialed'] as const)
    for (const links of [1, 4])
      test(
        `[NCP-15] holdfast ${role}, ${links} link(s): no session is lost, and the original drops no link`,
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
            const timed = async (moving: Promise<unknown>): Promise<void> => {
              const from = performance.now();
              await Promise.race([moving, isOver]);
              rates.push(total / 1e3 / (performance.now() - from));
            };
            try {
              const ear = new Ear(total);
              near.onMessage = (bytes) => ear.hear(bytes);
              await timed(Promise.all([go.send(total), ear.done]));
              expect([ear.bytes, ear.wrongAt]).toEqual([total, -1]);
              const receiving = go.receive(total);
              await timed(Promise.all([receiving, pour(near, total)]));
              expect(await receiving).toMatchObject({ bytes: total, wrongAt: -1 });
            } finally {
              clearInterval(watching);
            }
            process.stderr.write(
              `holdfast ${role}, ${links} link(s): from ${rates[0]!.toFixed(0)}, to ${rates[1]!.toFixed(0)} MB/s; its timeout at least ${leastRtoMs} ms; ${pair.ended()} wires ended\n`,
            );
            expect([near.state, near.stats()['links'], pair.ended(), (await go.state()).closed]).toEqual([
              'completed',
              links,
              0,
              false,
            ]);
          } finally {
            await pair.stop();
          }
        },
        30_000 + mebibytes * 2000,
      );
});
