import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';

test('command line/fault proxy: bytes of the target before its orderly end still reach a slow reader', async () => {
  const bytes = 24 << 20;
  const server = createServer((socket) => void socket.on('error', () => {}).end(Buffer.alloc(bytes)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cutter = new FaultProxy((server.address() as { port: number }).port);
  const client = connect(await cutter.listen(), '127.0.0.1');
  let got = 0;
  client.on('data', (chunk) => {
    got += chunk.length;
    client.pause();
    setImmediate(() => setImmediate(() => client.resume()));
  });
  await once(client, 'end');
  expect(got).toBe(bytes);
  await once(client, 'close');
  await cutter.close();
  server.close();
});

test('command line/fault proxy: a cut resets both sides, also one whose end is being said, and leaves nothing behind', async () => {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void accepted.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cutter = new FaultProxy((server.address() as { port: number }).port);
  const client = connect({ port: await cutter.listen(), host: '127.0.0.1', allowHalfOpen: true });
  await once(server, 'connection');
  accepted[0]!.end(Buffer.alloc(24 << 20)); // More than anybody reads here.
  const over = new Promise<void>((resolve) => client.on('error', () => {}).on('close', () => resolve()));
  client.on('end', () => client.end()); // A reset that finds unread bytes looks like an end.
  expect(cutter.cut()).toBe(1);
  client.resume();
  await over;
  await cutter.close(); // Waits for every socket.
  server.close();
});
