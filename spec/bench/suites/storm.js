// H. Every session loses its wire at the same moment, as when a load balancer restarts: how long until all carry data again.
import { pair } from '../lib/pair.js';
import { fmt, median, pct, sleep, table } from '../lib/util.js';

export const defaults = { peers: ['rws', 'socketio-recovery', 'holdfast-ws', 'holdfast-tcp'], steps: [2000], reps: 3, conc: 64, backoff: 50, maxMs: 60000 };

export async function run(o, log) {
  const rows = [];
  for (let rep = 0; rep < o.reps; rep++) for (const n of o.steps) for (const peer of o.peers) {
    let h;
    try {
      const opts = { session: true, ...(o.backoff ? { backoff: o.backoff } : {}) };
      h = await pair(peer, { dial: false, serverOpts: opts, env: { BENCH_QUIET: '1' } });
      await h.server.call('watchSockets');
      await h.client.call('openSessions', { peer, port: h.port, n, conc: o.conc, opts });
      await h.client.call('roundTrips', { since: 0, maxMs: o.maxMs }); // Every session has carried data once.
      await sleep(500);
      const cpu0 = await h.server.call('cpu');
      const { cut, at } = await h.server.call('cutAll');
      const { times, cpu } = await h.client.call('roundTrips', { since: at, maxMs: o.maxMs });
      const server = (await h.server.call('cpu')) - cpu0;
      const back = times.filter((t) => t !== null);
      const row = { rep, peer, n, cut, back: back.length, p50: pct(back, 50), max: pct(back, 100), cpuC: (cpu / n) * 1000, cpuS: (server / n) * 1000 };
      rows.push(row);
      log(`${rep} ${peer} ${n}: cut ${cut}, back ${row.back}: p50 ${fmt(row.p50)} ms, last ${fmt(row.max)} ms, CPU per return: client ${fmt(row.cpuC)} ms, server ${fmt(row.cpuS)} ms`);
    } catch (e) { rows.push({ rep, peer, n, error: String(e?.message).split('\n')[0] }); log(`${rep} ${peer} ${n}: ERROR ${e?.message}`); }
    finally { await h?.stop(); await sleep(1000); }
  }
  return rows;
}

export function report(rows) {
  const ok = rows.filter((r) => !r.error), keys = [...new Set(ok.map((r) => `${r.n} ${r.peer}`))];
  const of = (key, f) => median(ok.filter((r) => `${r.n} ${r.peer}` === key).map((r) => r[f]));
  return table(['sessions and peer', 'back', 'back: p50 ms', 'last ms', 'last of p50', 'CPU ms per return: client', 'server'],
    keys.map((key) => [key, of(key, 'back'), fmt(of(key, 'p50')), fmt(of(key, 'max')), fmt(of(key, 'max') / of(key, 'p50'), 2), fmt(of(key, 'cpuC')), fmt(of(key, 'cpuS'))])) + '\n';
}
