// I. NCP: one session over 1 or 4 links, holdfast beside the real ncp-go and @nkn/ncp, one way, in the same repetition.
// `memory`: both ends in one process, over functions, bare packets. `loss`: the same with 1 % of all packets lost and 20 ms each way,
// injected where packets are sent. `tcp`: over loopback in two processes, holdfast's whole engine. `sealed`: that with NaCl boxes.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pair } from '../lib/pair.js';
import { windowFor } from './throughput.js';
import { median, fmt, table, sleep } from '../lib/util.js';

export const defaults = { reps: 3, modes: ['memory', 'loss', 'tcp'], links: [1, 4], mtus: [1300, 1024], seconds: 3, ncpjs: 1 };
const MB = 1 << 20;
const BYTES = { memory: { holdfast: 512 * MB, 'ncp-go': 192 * MB, 'ncp-js': 8 * MB }, loss: { holdfast: 128 * MB, 'ncp-go': 32 * MB, 'ncp-js': 2 * MB } };
const runner = fileURLToPath(new URL('../lib/ncp-run.js', import.meta.url));
const list = (value) => (Array.isArray(value) ? value : [value]);

export async function run(o, log) {
  const rows = [];
  for (let rep = 0; rep < o.reps; rep++)
    for (const mode of list(o.modes))
      for (const links of list(o.links))
        for (const mtu of list(o.mtus))
          for (const peer of ['holdfast', 'ncp-go', ...(o.ncpjs && mode !== 'sealed' ? ['ncp-js'] : [])]) {
            if (mode === 'sealed' && peer !== 'holdfast') continue; // The other two seal nothing by themselves.
            if (mode === 'tcp' && peer === 'ncp-js' && mtu !== 1024) continue;
            const mb = await measure(peer, mode, { links, mtu }, o);
            rows.push({ rep, mode, links, mtu, peer, mb });
            log(`${rep} ${mode} N=${links} MTU ${mtu} ${peer}: ${fmt(mb)} MB/s`);
          }
  return rows;
}

async function measure(peer, mode, { links, mtu }, { seconds }) {
  if (mode === 'tcp' || mode === 'sealed') {
    if (peer === 'holdfast') return holdfastTcp({ links, mtu, sealed: mode === 'sealed' }, seconds);
    return peer === 'ncp-go' ? goTcp({ links, mtu }, seconds) : jsTcp(links, seconds);
  }
  const about = { links, mtu, bytes: BYTES[mode][peer], ...(mode === 'loss' ? { loss: 0.01, delayMs: 20 } : {}) };
  if (peer !== 'ncp-go') return (await once([peer, 'memory', JSON.stringify(about)])).mb;
  const go = startGo();
  try { return (await go.command('bench', about)).megabytesPerSecond; } finally { await go.stop(); }
}

function once(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runner, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let last;
    createInterface({ input: child.stdout }).on('line', (line) => { last = JSON.parse(line); });
    child.once('close', () => (last ? resolve(last) : reject(new Error(`${args[0]} said nothing`))));
  });
}

async function holdfastTcp(about, seconds) {
  const server = spawn(process.execPath, [runner, 'holdfast', 'tcp-server', JSON.stringify(about)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let client;
  const rates = [];
  const done = new Promise((resolve) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.port) client = spawn(process.execPath, [runner, 'holdfast', 'tcp-client', JSON.stringify({ ...about, port: said.port })], { stdio: ['ignore', 'ignore', 'inherit'] });
      else if (rates.push(said.mb) > seconds) resolve();
    });
  });
  await done;
  client.kill('SIGKILL'); server.kill('SIGKILL');
  return median(rates.slice(1)); // The first second warms up.
}

async function goTcp({ links, mtu }, seconds) {
  const [a, b] = [startGo(), startGo()];
  try {
    const { port } = await b.command('listen', { links, mtu });
    await a.command('dial', { port, links, mtu });
    const bytes = seconds * 48 * MB;
    const started = performance.now();
    await Promise.all([a.command('send', { bytes }), b.command('receive', { bytes })]);
    return bytes / 1e3 / (performance.now() - started);
  } finally { await Promise.all([a.stop(), b.stop()]); }
}

async function jsTcp(links, seconds) {
  const h = await pair(`ncp-tcp-${links}`);
  try {
    const window = windowFor(PIECE);
    await h.server.call('sink', { side: 'server', ackEvery: window >> 3 });
    const { delivered, ms } = await h.client.call('pump', { side: 'client', size: PIECE, ms: seconds * 1000, window });
    return (delivered * PIECE) / 1e3 / ms;
  } finally { await h.stop(); await sleep(200); }
}
const PIECE = 65536;

let binary;
/** The real ncp-go (spec/interop/ncp-go), driven over JSON lines; built on first use. Needs Go. */
function startGo() {
  if (binary === undefined) {
    binary = fileURLToPath(new URL('../native/ncp-go', import.meta.url));
    mkdirSync(fileURLToPath(new URL('../native/', import.meta.url)), { recursive: true });
    execFileSync('go', ['build', '-mod=readonly', '-trimpath', '-o', binary, '.'], { cwd: fileURLToPath(new URL('../../interop/ncp-go/', import.meta.url)) });
  }
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map();
  let commands = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    waiting.get(said.re)?.(said);
    waiting.delete(said.re);
  });
  return {
    command: (name, more) => new Promise((resolve, reject) => {
      const id = ++commands;
      waiting.set(id, (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
      child.stdin.write(`${JSON.stringify({ id, do: name, ...more })}\n`);
    }),
    stop: () => new Promise((r) => { child.once('close', r); child.stdin.end(); setTimeout(() => child.kill('SIGKILL'), 1000).unref(); }),
  };
}

export function report(rows) {
  const cells = [...new Map(rows.map((r) => [`${r.mode} ${r.links} ${r.mtu}`, r])).values()];
  const same = (r, q) => q.mode === r.mode && q.links === r.links && q.mtu === r.mtu;
  const of = (r, peer) => median(rows.filter((q) => same(r, q) && q.peer === peer).map((q) => q.mb));
  const ratio = (r, peer) => median(rows.filter((q) => same(r, q) && q.peer === 'holdfast').map((q) => q.mb / rows.find((p) => same(q, p) && p.rep === q.rep && p.peer === peer)?.mb).filter((x) => !Number.isNaN(x)));
  const or = (value, digits) => (Number.isFinite(value) ? fmt(value, digits) : '-');
  return table(['mode', 'links', 'MTU', 'holdfast MB/s', 'ncp-go', '@nkn/ncp', 'of ncp-go', 'of @nkn/ncp'],
    cells.map((r) => [r.mode, String(r.links), String(r.mtu), or(of(r, 'holdfast')), or(of(r, 'ncp-go')), or(of(r, 'ncp-js'), 2), or(ratio(r, 'ncp-go'), 2), or(ratio(r, 'ncp-js'), 2)])) + '\n';
}
