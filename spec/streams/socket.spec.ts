import { once } from 'node:events';
import { connect, createServer, Server, type Socket } from 'node:net';
import { TunnelEntrance, type ReconnectingSession } from '../../adapters/streams/index.js';
import { cutOff, endAfterAll, onProvenEnd } from '../../adapters/streams/socket.js';

let server: Server;
let near: Socket;
let far: Socket;
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  near = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  const [[socket]] = await Promise.all([once(server, 'connection'), once(near, 'connect')]);
  far = socket as Socket;
});
afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

/** More than the peer's kernel takes while nobody reads there. */
function fill(socket: Socket): number {
  const block = Buffer.alloc(1 << 20);
  let bytes = 0;
  for (; bytes < 16 << 20; bytes += block.length) socket.write(block);
  return bytes;
}

/** What is heard of a socket from now on. */
async function heardOf(socket: Socket): Promise<{ bytes: number; last: string }> {
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length));
  const last = await new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    onProvenEnd(socket, () => resolve('end'));
    socket.resume();
  });
  return { bytes, last };
}

test('[STR-3] streams/socket: an end that waits behind bytes can still be cut off, and then is no end', async () => {
  const filled = fill(near);
  endAfterAll(near);
  const closed = once(near, 'close');
  cutOff(near);
  await closed;
  const { bytes, last } = await heardOf(far);
  expect(last).toBe('ECONNRESET');
  expect(bytes).toBeLessThan(filled);
});

test('[STR-3] streams/socket: an end comes behind all that was written', async () => {
  const bytes = fill(near);
  endAfterAll(near);
  expect(await heardOf(far)).toEqual({ bytes, last: 'end' });
});

test('[STR-3] streams/socket: an end is believed where this side has said its own', async () => {
  far.end();
  const bytes = fill(near);
  near.end();
  expect(await heardOf(far)).toEqual({ bytes, last: 'end' });
});

test('streams/socket: a socket whose end is being said closes all the same', async () => {
  fill(near);
  near.end();
  const closed = once(near, 'close');
  cutOff(near);
  await closed;
  expect(near.destroyed).toBe(true);
});

test('streams/socket: an entrance that could not accept a connection or two goes on listening', async () => {
  const listen = jest.spyOn(Server.prototype, 'listen');
  const entrance = new TunnelEntrance({
    session: undefined,
    opened: () => new Promise(() => {}),
  } as unknown as ReconnectingSession);
  const port = await entrance.listen({ host: '127.0.0.1', port: 0 });
  const server = listen.mock.contexts[0] as Server;
  listen.mockRestore();
  for (let n = 0; n < 2; n++) server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  client.on('error', () => {}).destroy();
  await entrance.close();
});
