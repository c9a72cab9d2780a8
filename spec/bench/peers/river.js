// @replit/river 0.17, WebSocket transport, msgpack codec (BinaryCodec), one `stream` procedure per session: up is its input,
// down its output, both through the documented router. Only the options differ from the defaults: the session survives
// 120 s, and in session mode every redial waits `backoff`, without jitter and without the budget of five attempts.
import http from 'node:http';
import { Ok, Procedure, ServiceSchema, createClient, createServer } from '@replit/river';
import { BinaryCodec } from '@replit/river/codec';
import { WebSocketClientTransport } from '@replit/river/transport/ws/client';
import { WebSocketServerTransport } from '@replit/river/transport/ws/server';
import { Type } from '@sinclair/typebox';
import { WebSocket, WebSocketServer } from 'ws';

const common = (heartbeat) => ({ codec: BinaryCodec, sessionDisconnectGraceMs: 120000, ...(heartbeat ? { heartbeatIntervalMs: heartbeat } : {}) });

class Conn {
  onmessage = null;
  constructor(out, wrap) { this.out = out; this.wrap = wrap; }
  async read(source, unwrap) { for await (const m of source) { const b = unwrap(m); if (b) this.onmessage(Buffer.from(b.buffer, b.byteOffset, b.length)); } }
  send(buf) { this.out.push(this.wrap(buf)); return true; } // neither the stream nor the transport has a back-pressure signal
  drain() { return new Promise((r) => setImmediate(r)); }
  close() { this.transport?.destroy(); }
}

let n = 0;
export default () => ({
  pkg: ['@replit/river'],
  async serve({ host, port, onConn, heartbeat }) {
    const server = http.createServer();
    const transport = new WebSocketServerTransport(new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 64 << 20 }), 'SERVER', common(heartbeat));
    const stream = Procedure.stream({
      input: Type.Uint8Array(), output: Type.Uint8Array(),
      async handler(_ctx, input, output) {
        await input.next(); // the greeting: a procedure starts with its first message
        const conn = new Conn(output, Ok);
        onConn(conn);
        await conn.read(input, (b) => b);
      },
    });
    createServer(transport, { bench: ServiceSchema.define({ stream }) });
    await new Promise((r) => server.listen(port, host, 16384, r));
    return { port: server.address().port };
  },
  async dial({ host, port, session = false, backoff, heartbeat }) {
    const transport = new WebSocketClientTransport(async () => new WebSocket(`ws://${host}:${port}`, { perMessageDeflate: false, maxPayload: 64 << 20 }), `c${process.pid}-${n++}`, {
      ...common(heartbeat), ...(session && backoff ? { baseIntervalMs: backoff, maxBackoffMs: backoff, maxJitterMs: 0, attemptBudgetCapacity: 1e9 } : {}),
    });
    transport.reconnectOnConnectionDrop = session;
    const up = new Promise((r) => transport.addEventListener('connectionStatus', (e) => e.status === 'connect' && r()));
    const client = createClient(transport, 'SERVER');
    await up;
    const [input, output] = await client.bench.stream.stream();
    input.push(new Uint8Array(1));
    const conn = new Conn(input, (b) => b);
    conn.transport = transport;
    void conn.read(output, (r) => (r.ok ? r.payload : null));
    return conn;
  },
});
