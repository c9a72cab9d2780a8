// I. What idle sessions cost: share of one core that liveness takes with N sessions on which nobody says anything.
import { pair } from '../lib/pair.js';
import { fmt, median, sleep, table } from '../lib/util.js';

export const defaults = { peers: ['net', 'ws', 'socketio', 'holdfast-tcp', 'holdfast-ws', 'holdfast-memory'], steps: [10000], reps: 2, conc: 100, ms: 40000, memory: 100000 };

export async function run(o, log) {
  const rows = [];
  for (let rep = 0; rep < o.reps; rep++) for (const step of o.steps) for (const peer of o.peers) {
    let h;
    try {
      h = await pair(peer, { dial: false, serverOpts: { bare: true } });
      const n = h.inproc ? o.memory : step; // Sockets are bounded by file descriptors, memory is not.
      const { open, failed } = await h.client.call('openIdle', { peer, port: h.port, n, conc: o.conc });
      await sleep(3000);
      const before = await Promise.all([h.server.call('cpu'), h.client.call('cpu')]);
      await sleep(o.ms);
      const after = await Promise.all([h.server.call('cpu'), h.client.call('cpu')]);
      const [server, client] = after.map((cpu, i) => ((cpu - before[i]) / o.ms) * 1e5);
      const row = { rep, peer, n: open, failed, server, client: h.inproc ? NaN : client };
      rows.push(row);
      log(`${rep} ${peer}: ${open} idle (${failed} failed), percent of a core: server ${fmt(server)} client ${h.inproc ? 'in the same process' : fmt(client)}`);
    } catch (e) { rows.push({ rep, peer, error: String(e?.message).split('\n')[0] }); log(`${rep} ${peer}: ERROR ${e?.message}`); }
    finally { await h?.stop(); await sleep(1500); }
  }
  return rows;
}

export function report(rows) {
  const ok = rows.filter((r) => !r.error), peers = [...new Set(ok.map((r) => r.peer))];
  const of = (p, f) => median(ok.filter((r) => r.peer === p).map((r) => r[f]));
  return table(['peer', 'idle sessions', 'percent of a core: server', 'client'],
    peers.map((p) => [p, of(p, 'n').toLocaleString('en-US'), fmt(of(p, 'server')), Number.isNaN(of(p, 'client')) ? 'in the same process' : fmt(of(p, 'client'))])) + '\n';
}
