import type { Closing } from '../../machines/closing.js';
import { byteAt, fill } from './ncp-channel.js';
import { TunaWorld } from './tuna-world.js';

/** Promises settle between virtual steps. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('[NCP-13] tuna/endings: bytes that were unread at a close can be read after it, to the last byte', async () => {
  const w = new TunaWorld(200, { numTunaListeners: 2 });
  w.connect('sim://b:1');
  w.advance(500);
  w.far!.onMessage = undefined;
  const total = 300_000;
  w.near!.write(fill(new Uint8Array(total), 0));
  let closing: Closing | undefined;
  void w.near!.close().then((c) => (closing = c));
  w.advance(10_000);
  await turn();
  expect([closing?.code, w.far!.state]).toEqual(['closed', 'none']);
  let at = 0;
  for await (const bytes of w.far!) for (const byte of bytes) if (byte !== byteAt(at++)) throw new Error(`wrong at ${at}`);
  expect([at, (await w.far!.closed).code]).toEqual([total, 'peer-goodbye']);
  w.end();
});

test('[NCP-13] tuna/endings: a close that never reaches a silent peer ends by the clock: after the linger, or at once where it is asked to', async () => {
  for (const [now, withinMs] of [
    [false, 6100],
    [true, 1100],
  ] as const) {
    const w = new TunaWorld(201, { numTunaListeners: 2, lingerMs: 5000, idleMs: 0 });
    w.connect('sim://b:1');
    w.advance(500);
    w.network.partition(['a'], ['b']);
    w.near!.write(fill(new Uint8Array(50_000), 0));
    let endedAt = Infinity;
    w.a.on((event) => event.type === 'disconnected' && (endedAt = w.clock.now()));
    const startedAt = w.clock.now();
    let closing: Closing | undefined;
    void w.near!.close({ now }).then((c) => (closing = c));
    w.advance(10_000);
    await turn();
    expect({ now, inTime: endedAt - startedAt <= withinMs, detail: closing?.detail }).toEqual({
      now,
      inTime: true,
      detail: { [now ? 'unsent' : 'unknown']: { from: 1, to: 50_000 } },
    });
    w.end();
  }
});

test('[NCP-10] tuna/endings: a deadline on a write that waits for room, or on a read that waits for bytes, is kept at once', async () => {
  const w = new TunaWorld(202, { sendBytesMax: 100_000, windowBytes: 65_536 });
  w.connect('sim://b:1');
  w.advance(500);
  w.far!.onMessage = undefined; // Nobody reads: the window closes, and stays so.
  w.near!.onMessage = undefined;
  w.near!.write(fill(new Uint8Array(100_000), 0));
  w.advance(1000);
  const deadline = new AbortController();
  let written: string | undefined;
  w.near!.send(new Uint8Array(80_000), { signal: deadline.signal }).catch((error: { code: string }) => (written = error.code));
  const reader = w.near![Symbol.asyncIterator]();
  let read: unknown;
  void reader.next().then((result) => (read = result));
  w.advance(5000);
  await turn();
  expect([written, read]).toEqual([undefined, undefined]);
  const { steps } = w.clock;
  w.clock.setTimeout(() => (deadline.abort(), void reader.return!()), 10);
  w.advance(10);
  await turn();
  expect([written, read, w.clock.steps - steps < 20]).toEqual(['aborted', { done: true, value: undefined }, true]);
  // Neither has done any harm: what was accepted arrives, and there is a reader again.
  let heard = 0;
  w.far!.onMessage = (bytes) => (heard += bytes.length);
  w.far!.write(Uint8Array.of(7));
  const again = w.near![Symbol.asyncIterator]().next();
  w.advance(5000);
  expect([heard, (await again).value]).toEqual([100_000, Uint8Array.of(7)]);
  w.end();
});

test('[NCP-12] an idle session of ten minutes: as many timers, as little said, one session', () => {
  const w = new TunaWorld(203, { idleMs: 5000, probeTimeoutMs: 5000 });
  w.connect('sim://b:1');
  w.near!.write(fill(new Uint8Array(500_000), 0));
  w.advance(10_000);
  const { pending } = w.clock;
  const { sends, dials } = w.network.counts;
  for (let second = 0; second < 600; second++) {
    w.advance(1000);
    expect(w.clock.pending).toBeLessThanOrEqual(pending + 16);
  }
  expect([w.network.counts.dials, w.links()]).toEqual([dials, [4, 4]]);
  expect((w.network.counts.sends - sends) / 600).toBeLessThan(4); // A sign of life per link, side and five seconds, and its answer.
  expect(w.events.filter((event) => event !== 'a handshake.started')).toEqual([]);
  w.end();
});

test('[TUNA-7] tuna/endings: twenty outages, some with data under way and none read: what is held is the window, and then nothing', () => {
  const w = new TunaWorld(204, { windowBytes: 65_536, sendBytesMax: 200_000 });
  w.connect('sim://b:1');
  let written = 0;
  let most = 0;
  for (let cycle = 0; cycle < 20; cycle++) {
    w.far!.onMessage = undefined;
    while (written - w.heard.b < 150_000) {
      w.near!.write(fill(new Uint8Array(10_000), written));
      written += 10_000;
    }
    const mend = w.network.partition(['a'], ['b'], cycle % 2 === 0 ? 'silent' : 'told');
    w.advance(3000);
    mend();
    w.advance(4000);
    most = Math.max(most, w.near!.stats()['queuedBytes']!);
    w.far!.onMessage = w.take('b');
    w.advance(4000);
  }
  w.advance(5000);
  expect([w.heard.b, w.near!.stats()['queuedBytes'], most <= 200_000]).toEqual([written, 0, true]);
  w.end();
});
