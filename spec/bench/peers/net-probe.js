// The ground for liveness: bare node:net sockets of which the dialing side asks each every five seconds, one write, and gets an answer, one
// write. One timer for all sockets, prebuilt frames, one read buffer: as little as Node can do for it through its public API.
import net from 'node:net';

const INTERVAL_MS = 5000, TICK_MS = 50, SLOTS = INTERVAL_MS / TICK_MS;
const ping = Buffer.from([8, 0, 0, 4, 0, 0, 0, 1]), pong = Buffer.from([9, 0, 0, 4, 0, 0, 0, 1]);
const readBuffer = Buffer.alloc(64 << 10);
const slots = Array.from({ length: SLOTS }, () => []);
let next = 0, ticks = 0, timer;

function tick() {
  for (const socket of slots[ticks++ % SLOTS]) if (!socket.destroyed) socket.write(ping);
}

const connOf = (socket) => ({ send: (buf) => socket.write(buf), drain: async () => {}, close: () => new Promise((r) => { socket.once('close', r); socket.end(); socket.resume(); }), onmessage: null });

export default () => ({
  pkg: [],
  async serve({ host, port, onConn }) {
    const server = net.createServer({ noDelay: true }, (socket) => {
      socket.on('data', () => socket.write(pong));
      socket.on('error', () => {});
      onConn(connOf(socket));
    });
    await new Promise((r) => server.listen(port, host, 16384, r));
    return { port: server.address().port, close: () => server.close() };
  },
  dial({ host, port }) {
    return new Promise((res, rej) => {
      const socket = net.connect({ host, port, noDelay: true, onread: { buffer: readBuffer, callback: () => true } });
      socket.once('error', rej);
      socket.once('connect', () => {
        socket.off('error', rej);
        socket.on('error', () => {});
        slots[next++ % SLOTS].push(socket);
        timer ??= setInterval(tick, TICK_MS);
        res(connOf(socket));
      });
    });
  },
});
