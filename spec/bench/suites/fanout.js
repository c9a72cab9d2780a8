// J. One message to many sessions: deliveries per second, and what one delivery costs the server.
import { pair } from '../lib/pair.js';
import { fmt, median, sleep, table } from '../lib/util.js';

export const defaults = { peers: ['ws', 'ws-bufferutil', 'socketio', 'holdfast-ws', 'holdfast-tcp'], steps: [1000], sizes: [64, 1024], reps: 3, conc: 64, ms: 3000, window: 16 };

export async function run(o, log) {
  const rows = [];
  for (let rep = 0; rep < o.reps; rep++) for (const n of o.steps) for (const size of o.sizes) for (const peer of o.peers) {
    let h;
    try {
      h = await pair(peer, { dial: false });
      await h.client.call('openListeners', { peer, port: h.port, n, conc: o.conc });
      while ((await h.server.call('conns')) < n) await sleep(20);
      await h.server.call('fanout', { size, ms: 500, window: o.window }); // V8 compiles.
      await h.client.call('heardReset');
      const { sent, ms, cpu } = await h.server.call('fanout', { size, ms: o.ms, window: o.window });
      for (let i = 0; i < 100 && (await h.client.call('heard')).least < sent; i++) await sleep(50);
      const { least, most, bad } = await h.client.call('heard');
      if (least !== sent || most !== sent || bad > 0) throw new Error(`${sent} messages to all, but ${least} to ${most} arrived, ${bad} of a wrong size`);
      const row = { rep, peer, n, size, rate: (sent * n) / ms / 1000, cpu: (cpu / (sent * n)) * 1e6 };
      rows.push(row);
      log(`${rep} ${peer} ${n} x ${size} B: ${fmt(row.rate)} million deliveries/s, server CPU ${fmt(row.cpu)} us each`);
    } catch (e) { rows.push({ rep, peer, n, size, error: String(e?.message).split('\n')[0] }); log(`${rep} ${peer} ${n} x ${size} B: ERROR ${e?.message}`); }
    finally { await h?.stop(); await sleep(500); }
  }
  return rows;
}

export function report(rows) {
  const ok = rows.filter((r) => !r.error), keys = [...new Set(ok.map((r) => `${r.n} x ${r.size} B, ${r.peer}`))];
  const keyed = (key) => ok.filter((r) => `${r.n} x ${r.size} B, ${r.peer}` === key);
  const ratio = (key, f) => median(keyed(key).map((r) => { const ws = ok.find((w) => w.rep === r.rep && w.n === r.n && w.size === r.size && w.peer === 'ws'); return ws ? f(r, ws) : NaN; }));
  return table(['sessions, size, peer', 'million deliveries/s', 'of ws', 'server CPU us each', 'of ws'],
    keys.map((key) => [key, fmt(median(keyed(key).map((r) => r.rate))), fmt(ratio(key, (r, ws) => r.rate / ws.rate), 2), fmt(median(keyed(key).map((r) => r.cpu))), fmt(ratio(key, (r, ws) => r.cpu / ws.cpu), 2)])) + '\n';
}
