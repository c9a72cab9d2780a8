// One side of a session in a process of its own: a program that uses the built package. Its parent tells it what to do, and hears
// what happens. That channel doesn't keep it alive: when nothing else does, it ends by itself.
import { createEngine } from '../../dist/adapters/index.js';
import { pool } from '../../dist/adapters/pool/index.js';
import { resume } from '../../dist/adapters/resume/index.js';
import { tuna } from '../../dist/adapters/tuna/index.js';
import { tcp } from '../../dist/transports/tcp.js';
import { tls } from '../../dist/transports/tls.js';
import { websocket } from '../../dist/transports/websocket.js';

const { transport, protocol = 'resume', proof, listen = [], options = {} } = JSON.parse(process.argv[2]);
const make = { tcp, tls, ws: websocket, wss: websocket }[transport];
const speak = { resume, pool, tuna }[protocol];
const TALK_EVERY_MS = 5;

const tell = (event, rest = {}) => process.send({ event, ...rest });
/** What keeps the process alive, but for the channel. */
const resources = () =>
  process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== 'PipeWrap')
    .sort();
let engine, connection, talking;
let said = 0;

/** What comes must be 0, 1, 2, …, four bytes each; a protocol with a byte stream may give several at once. */
function adopt(given) {
  connection = given;
  let expected = 0;
  given.onMessage = (message) => {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    for (let at = 0; at < view.byteLength; at += 4) {
      const number = view.getUint32(at);
      tell(number === expected ? 'got' : 'wrong', { number, expected });
      expected = number + 1;
    }
  };
}

function say() {
  const message = new Uint8Array(4);
  new DataView(message.buffer).setUint32(0, said++);
  connection.write(message);
}

const deeds = {
  connect({ address, retry }) {
    engine.connect(address, { retry }).catch(({ closing, code }) => tell('failed', { code: closing?.code ?? code }));
  },
  talk() {
    say();
    talking = setInterval(say, TALK_EVERY_MS);
  },
  hush() {
    clearInterval(talking);
    tell('hushed', { said });
  },
  async shutdown({ deadlineMs }) {
    clearInterval(talking);
    const from = performance.now();
    await engine.shutdown({ deadlineMs });
    tell('over', { tookMs: performance.now() - from, before, left: resources() });
    setTimeout(() => process.exit(3), 1000).unref(); // Whoever is alive by then has left something behind.
  },
};

process.on('message', ({ deed, ...rest }) => deeds[deed](rest));
process.channel.unref();
await new Promise((resolve) => setTimeout(resolve)); // Loading has left nothing behind then.
const before = resources();
engine = createEngine({ transports: [make(proof)], protocols: [speak(options)], listen });
engine.on((event) => {
  if (event.type === 'connected') adopt(event.connection);
  if (event.type === 'disconnected') clearInterval(talking);
  tell(event.type === 'state' ? event.state : event.type, { code: event.closing?.code, side: event.closing?.side });
});
await engine.start();
tell('started', { address: engine.addresses[0] });
