// One end, or both, of an NCP session in a process of its own: node lib/ncp-run.js <implementation> <role> '<options as JSON>'.
//   holdfast|ncp-js memory   both ends here, over functions: { links, mtu, bytes, loss, delayMs }; prints { mb }
//   holdfast tcp-server      accepts a Tuna session on loopback: { mtu, links, sealed }; prints { port }, then { mb } of each second
//   holdfast tcp-client      opens one and writes for as long as it lives: { port, mtu, links, sealed }
const [implementation, role, json] = process.argv.slice(2);
const o = { links: 1, mtu: 1300, bytes: 64 << 20, loss: 0, delayMs: 0, ...JSON.parse(json ?? '{}') };
const dist = new URL('../../../dist/', import.meta.url);
const say = (answer) => console.log(JSON.stringify(answer));
const ids = Array.from({ length: o.links }, (_, i) => String(i));
const PIECE = 65536;

/** `deliver(to, link, packet)` in the order of sending; some packets lost by the same dice for all, and all of them late. */
function channel(deliver) {
  if (o.delayMs === 0) return atOnce(deliver);
  let state = 0x9e3779b9;
  const random = () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) / 2 ** 32; };
  const lines = [[], []];
  let isTicking = false, sent = 0;
  const tick = () => {
    const now = performance.now();
    for (const to of [0, 1]) {
      const line = lines[to];
      let at = 0;
      while (at < line.length && line[at] <= now) at += 3;
      const due = line.splice(0, at);
      for (let i = 0; i < due.length; i += 3) deliver(to, due[i + 1], due[i + 2]);
    }
    isTicking = lines[0].length > 0 || lines[1].length > 0;
    if (isTicking) setTimeout(tick, 1);
  };
  return (to, link, packet) => {
    if (sent++ > 16 && random() < o.loss) return; // The originals say their handshake once, and don't survive its loss.
    lines[to].push(performance.now() + o.delayMs, link, packet);
    if (!isTicking) { isTicking = true; setTimeout(tick, 1); }
  };
}

function atOnce(deliver) {
  let queues = [[], []];
  let isTicking = false;
  const tick = () => {
    isTicking = false;
    const due = queues;
    queues = [[], []];
    for (const to of [0, 1]) for (let i = 0; i < due[to].length; i += 2) deliver(to, due[to][i], due[to][i + 1]);
  };
  return (to, link, packet) => {
    queues[to].push(link, packet);
    if (!isTicking) { isTicking = true; setImmediate(tick); }
  };
}

async function holdfastMemory() {
  const { NcpEnd } = await import(new URL('spec/tuna/ncp-end.js', dist));
  const clock = { now: () => performance.now(), wall: () => Date.now(), setTimeout, clearTimeout, soon: queueMicrotask };
  const ends = [];
  const put = channel((to, link, packet) => ends[to].receive(link, packet));
  for (const at of [0, 1])
    ends.push(new NcpEnd({ role: at === 0 ? 'dialer' : 'acceptor', clock, links: o.links, limits: { mtu: o.mtu }, send: (link, packet) => put(1 - at, link, packet) }));
  const [a, b] = ends;
  for (const end of ends) end.attachAll();
  a.call();
  const started = performance.now();
  const piece = new Uint8Array(PIECE);
  let written = 0, got = 0, lastAt = started, lastGot = 0;
  a.onRoom = () => { while (written < o.bytes && a.session.outbound.queuedBytes < 8 << 20) { a.write(piece); written += PIECE; } };
  a.onRoom();
  await new Promise((resolve) => {
    b.onData = (bytes) => {
      got += bytes.length;
      const now = performance.now();
      if (o.everyMs && now - lastAt >= o.everyMs) { say({ second: Math.round((now - started) / 1000), mb: (got - lastGot) / 1e3 / (now - lastAt), rss: process.memoryUsage.rss() >> 20 }); lastAt = now; lastGot = got; }
      if (got >= o.bytes) resolve();
    };
  });
  say({ mb: got / 1e3 / (performance.now() - started), resent: a.session.resent });
  process.exit(0);
}

async function ncpJsMemory() {
  const { default: ncp } = await import('@nkn/ncp');
  const ends = [];
  const put = channel((to, link, packet) => { try { ends[to].receiveWith(link, link, packet); } catch { /* it is full: the packet comes again */ } });
  for (const at of [0, 1])
    ends.push(new ncp.Session(`${at}`, `${1 - at}`, ids, null, async (link, _, packet) => { put(1 - at, link, packet); await new Promise((r) => setImmediate(r)); }, { mtu: o.mtu }));
  setTimeout(() => ends[1].accept(), 100);
  await ends[0].dial(3000);
  const started = performance.now();
  void (async () => { for (let at = 0; at < o.bytes; at += PIECE) await ends[0].write(new Uint8Array(PIECE)); })();
  let got = 0;
  const limit = started + (o.limitMs ?? 20_000);
  const report = () => { say({ mb: got / 1e3 / (performance.now() - started) }); process.exit(0); };
  setTimeout(report, limit - performance.now());
  while (got < o.bytes) got += (await ends[1].read()).length;
  report();
}

async function engine() {
  const [{ createEngine }, { tuna }, { tcp }, { tunaIdentity }] = await Promise.all(
    ['adapters/index.js', 'adapters/tuna/index.js', 'transports/tcp.js', 'adapters/tuna/nacl.js'].map((path) => import(new URL(path, dist))));
  const identities = o.sealed ? await Promise.all([1, 2].map((n) => tunaIdentity(new Uint8Array(32).fill(n)))) : [];
  const make = (identity, listen) =>
    createEngine({ transports: [tcp()], protocols: [tuna({ numTunaListeners: o.links, mtu: o.mtu, ...(identity ? { identity } : {}) })], listen });
  return { make, identities };
}

async function tcpServer() {
  const { make, identities } = await engine();
  const server = make(identities[1], ['tcp://127.0.0.1:0']);
  await server.start();
  say({ port: Number(/\d+$/.exec(server.addresses[0])[0]) });
  for await (const connection of server.incoming) {
    let got = 0, at = performance.now(), cpu = process.cpuUsage();
    connection.onMessage = (bytes) => { got += bytes.length; };
    setInterval(() => {
      const now = performance.now();
      const { user, system } = process.cpuUsage(cpu);
      say({ mb: got / 1e3 / (now - at), cpu: (user + system) / 1e3 / (now - at) });
      got = 0; at = now; cpu = process.cpuUsage();
    }, 1000);
  }
}

async function tcpClient() {
  const { make, identities } = await engine();
  const client = make(identities[0]);
  await client.start();
  const connection = await client.connect(`tcp://127.0.0.1:${o.port}`, identities[1] ? { peer: identities[1].address } : {});
  const piece = new Uint8Array(PIECE);
  for (;;) if (!connection.write(piece)) await connection.drained();
}

const roles = { 'holdfast memory': holdfastMemory, 'ncp-js memory': ncpJsMemory, 'holdfast tcp-server': tcpServer, 'holdfast tcp-client': tcpClient };
await roles[`${implementation} ${role}`]();
