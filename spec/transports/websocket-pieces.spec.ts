import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { createEngine } from '../../adapters/index.js';
import { resume, resumeCodec } from '../../adapters/resume/index.js';
import { websocket } from '../../transports/websocket.js';
import { bytes, say } from '../sim/played.js';

const PIECE_BYTES = 16 * 1024;

/** Lengths of the WebSocket messages in which a dialer sends so many messages of so many bytes, written in one turn. */
async function lengthsFor(count: number, size: number): Promise<{ lengths: number[]; text: Buffer }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const wanted = count * (size + resumeCodec.dataHeadBytes);
  const got: Buffer[] = [];
  const all = new Promise<void>((resolve) =>
    server.on('connection', (socket) =>
      socket.on('message', (message: Buffer) => {
        const kind = resumeCodec.kind(message, 0);
        if (kind === 'hello') socket.send(say.welcome({ kind, hello: resumeCodec.hello(message, 0, message.length)! }));
        else if (kind !== 'confirm' && got.push(message) && got.reduce((sum, each) => sum + each.length, 0) >= wanted) resolve();
      }),
    ),
  );
  const engine = createEngine({ transports: [websocket()], protocols: [resume()] });
  await engine.start();
  try {
    const connection = await engine.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    for (let n = 0; n < count; n++) connection.write(bytes(size, n & 0xff));
    await all;
  } finally {
    await engine.shutdown({ deadlineMs: 50 });
    for (const client of server.clients) client.terminate();
    server.close();
  }
  return { lengths: got.map(({ length }) => length), text: Buffer.concat(got) };
}

// A receiver's socket brings 64 KiB at a time, and what lies in two of them it puts together in new memory.
test.each([
  { count: 2000, size: 100 },
  { count: 60, size: 4000 },
  { count: 12, size: 16 * 1024 },
  { count: 3, size: 100_000 },
])('transports/websocket: many frames at once go out in messages that mostly lie in one read ($count of $size)', async (sent) => {
  const { lengths, text } = await lengthsFor(sent.count, sent.size);
  const frameBytes = sent.size + resumeCodec.dataHeadBytes;
  expect(Math.max(...lengths)).toBeLessThanOrEqual(Math.max(PIECE_BYTES, frameBytes));
  expect(lengths.length).toBeLessThanOrEqual(2 + 2 * Math.ceil((sent.count * frameBytes) / Math.max(PIECE_BYTES, frameBytes)));
  for (let n = 0; n < sent.count; n++) expect(text[(n + 1) * frameBytes - 1]).toBe(bytes(sent.size, n & 0xff).at(-1));
});
