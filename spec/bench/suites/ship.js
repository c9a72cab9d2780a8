// H. SHIP handshakes: mutual TLS, upgrade, 13 messages. One bare client (lib/ship-client.js), `conc` at a time, the servers in turn:
// holdfast's hub, the real ship-go, and two grounds without SHIP: `ws` over mutual TLS, and mutual TLS with nothing in it. CPU is that
// of the server's process alone.
import { pair } from '../lib/pair.js';
import { startShipGo } from '../lib/ship-go.js';
import { dialShip } from '../lib/ship-client.js';
import { median, fmt, table, now, sleep } from '../lib/util.js';

export const defaults = { peers: ['holdfast-ship', 'ship-go', 'wss-mtls', 'tls-mutual'], reps: 5, ms: 4000, conc: 16, warmMs: 1500 };

export async function run(o, log) {
  const { makeShipIdentity } = await import('../../../dist/adapters/ship/index.js');
  const identities = await Promise.all(Array.from({ length: o.conc }, () => makeShipIdentity()));
  const rows = [];
  for (let rep = 0; rep < o.reps; rep++) for (const peer of o.peers) {
    const server = peer === 'ship-go' ? await startShipGo({ autoAccept: true }) : await nodeServer(peer);
    try {
      const dial = peer in GROUNDS ? server.dial : (identity) => dialShip({ port: server.port, identity });
      await loop(dial, identities, o.warmMs);
      const cpu0 = await server.cpuMs();
      const r = await loop(dial, identities, o.ms);
      await sleep(200);
      const cpu = ((await server.cpuMs()) - cpu0) / r.n;
      rows.push({ rep, peer, rate: r.n / (r.ms / 1000), cpu, failed: r.failed, lastError: r.lastError });
      log(`${rep} ${peer}: ${fmt(rows.at(-1).rate)}/s, server CPU ${fmt(cpu, 2)} ms per handshake, failed ${r.failed} ${r.lastError ?? ''}`);
    } finally { await server.stop(); await sleep(300); }
  }
  return rows;
}

/** What `loop` ends, once the server is through as well: in TLS 1.3 its tickets say so. */
const GROUNDS = {
  'wss-mtls': ({ ws }) => ws,
  'tls-mutual': ({ sock }) => new Promise((resolve) => sock.once('session', () => resolve({ once: (name, f) => sock.once(name, f), terminate: () => sock.destroy() }))),
};

async function nodeServer(peer) {
  const h = await pair(peer, { dial: false, serverOpts: { bare: true } });
  const { load } = await import('../lib/peers.js');
  const raw = await load(peer);
  return {
    port: h.port,
    dial: async () => GROUNDS[peer](await raw.dial({ host: '127.0.0.1', port: h.port })),
    cpuMs: async () => (await h.server.call('cpu')) * 1000,
    stop: () => h.stop(),
  };
}

async function loop(dial, identities, ms) {
  const t0 = now();
  let n = 0, failed = 0, lastError;
  await Promise.all(identities.map(async (identity) => {
    while (now() - t0 < ms) {
      try {
        const ws = await dial(identity);
        n++;
        await new Promise((r) => { ws.once('close', r); ws.terminate(); });
      } catch (e) { failed++; lastError = e.message; await sleep(50); }
    }
  }));
  return { n, ms: now() - t0, failed, lastError };
}

export function report(rows) {
  const peers = [...new Set(rows.map((r) => r.peer))];
  const of = (p, f) => median(rows.filter((r) => r.peer === p).map((r) => r[f]));
  const ratio = (p) => median(rows.filter((r) => r.peer === p).map((r) => r.cpu / rows.find((q) => q.rep === r.rep && q.peer === 'ship-go')?.cpu));
  return table(['server', 'handshakes/s', 'server CPU ms per handshake', 'of ship-go', 'failed'],
    peers.map((p) => [p, fmt(of(p, 'rate')), fmt(of(p, 'cpu'), 2), fmt(ratio(p), 2), rows.filter((r) => r.peer === p).reduce((a, r) => a + r.failed, 0)])) + '\n';
}
