// holdfast itself, through its public API as built into dist/ (npm run build at the root). One engine per side; the protocol over
// the transport named, where pool dials by address and states an id drawn for the process. `backoff` becomes the constant time between redials, `heartbeat` the silence after which a probe goes out.
import { createEngine, ports } from '../../../dist/adapters/index.js';
import { randomBytes } from 'node:crypto';
import { pool } from '../../../dist/adapters/pool/index.js';
import { resume } from '../../../dist/adapters/resume/index.js';
import { Refused } from '../lib/util.js';

const UNCOPIED = { copy: false };

class Conn {
  onmessage = null;
  constructor(connection, options) {
    this.connection = connection;
    this.options = options;
    connection.onMessage = (m) => this.onmessage(m);
  }
  send(buf) {
    try { return this.connection.write(buf, this.options); }
    catch (e) { if (e.code === 'closed' || e.code === 'queue-full') throw new Refused(e.code); throw e; }
  }
  drain() { return this.connection.drained(); }
  close() { return this.connection.close(); }
}

let network; // In memory: both ends in one process know it.

async function transportOf(name) {
  if (name === 'tcp') return (await import('../../../dist/transports/tcp.js')).tcp();
  if (name === 'ws') return (await import('../../../dist/transports/websocket.js')).websocket();
  if (name === 'memory') return (network ??= (await import('../../../dist/transports/memory.js')).memory({ clock: ports.clock }));
  throw new Error(`no transport ${name}`);
}

const protocolOf = ({ protocol, backoff, heartbeat }) => protocol === 'pool' ? pool({
  identity: 'stated', id: randomBytes(32).toString('hex'), maxConnections: 100_000,
  ...(heartbeat ? { keepaliveIntervalMs: heartbeat, probeTimeoutMs: Math.max(2000, heartbeat) } : {}),
}) : resume({
  ...(backoff ? { redial: { kind: 'constant', delayMs: backoff }, reconnectWindowMs: 120_000 } : {}),
  ...(heartbeat ? { idleMs: heartbeat, probeTimeoutMs: heartbeat } : {}),
});

// `uncopied`: messages are not changed after they were given away, which is the contract of `net.write` and `ws.send`.
export default ({ transport, protocol, uncopied }) => ({
  pkg: [],
  inproc: transport === 'memory',
  async serve({ host, port, onConn, ...opts }) {
    const engine = createEngine({ transports: [await transportOf(transport)], protocols: [protocolOf({ protocol, ...opts })], listen: [transport === 'memory' ? 'memory://bench' : `${transport}://${host}:${port}`], limits: { incomingMax: 1e6, connectionsMax: 1e6 } });
    await engine.start();
    (async () => { for await (const connection of engine.incoming) onConn(new Conn(connection, uncopied ? UNCOPIED : undefined)); })();
    const broadcast = (message) => engine.broadcast(message);
    if (transport === 'memory') return { port: 1, broadcast };
    return { port: Number(new URL(engine.addresses[0].replace(/^\w+:/, 'http:')).port), broadcast };
  },
  async dial({ host, port, ...opts }) {
    this.engine ??= (async () => { const e = createEngine({ transports: [await transportOf(transport)], protocols: [protocolOf({ protocol, ...opts })] }); await e.start(); return e; })();
    const engine = await this.engine;
    return new Conn(await engine.connect(transport === 'memory' ? 'memory://bench' : `${transport}://${host}:${port}`), uncopied ? UNCOPIED : undefined);
  },
});
