#!/usr/bin/env bash
# yamux-js 0.2.0 (npm; a port of the Go multiplexer yamux), on both ends of one TCP connection.
#
# Guess: a stream of a multiplexer delivers all bytes of a write, in whatever pieces TCP brings them.
# Seen: a frame counts only if it arrives in one piece. The pieces of a split frame are dropped one by one, and so is what follows
#   while it is shorter than the frame was. A frame may be as large as the window (256 KiB), but Node reads at most 64 KiB at
#   a time, so a write of 100 KiB never arrives, on loopback too. There is no error on either side. Written in pieces of 1 KiB,
#   each after the last one's arrival, the same bytes all come.
# Output:
#   written 102400 at once and 5 bytes after: received 0
#   written 102400 in pieces of 1024: received 102400
# Why it matters: tests with short messages pass, and so do most days: the loss begins with the first large answer or the first
#   full buffer. A session above a multiplexer needs counts or digests of its own; "TCP below" does not give them.
set -euo pipefail

for tool in node npm; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >check.mjs <<'JS'
import { once } from 'node:events';
import net from 'node:net';
import yamux from 'yamux-js';

const giveUp = () => process.exit((console.log('CHANGED, or too slow: no end within 40 s'), 1));
setTimeout(giveUp, 40_000).unref();
const SIZE = 100 * 1024;
const PIECE = 1024;

/** Two sessions over one TCP connection, and one stream through them: what is written to `near` is read from `far`. */
async function open() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = net.connect(listener.address().port, '127.0.0.1');
  const [accepted] = await once(listener, 'connection');
  listener.close();
  const far = new Promise((found) => {
    const server = new yamux.Server(found, { enableKeepAlive: false });
    accepted.pipe(server).pipe(accepted);
  });
  const client = new yamux.Client({ enableKeepAlive: false });
  socket.pipe(client).pipe(socket);
  for (const each of [client, socket, accepted]) each.on('error', (error) => console.log(`error: ${error.message}`));
  const near = client.open();
  near.write('hello');
  const stream = await far;
  const [hello] = await once(stream, 'data');
  if (String(hello) !== 'hello') throw new Error('the stream is not what was opened');
  return { near, far: stream, accepted };
}

/** Counts the bytes that arrive during the work. */
async function count(far, work) {
  let bytes = 0;
  far.on('data', (chunk) => (bytes += chunk.length));
  await work(() => bytes);
  await new Promise(setImmediate); // Whatever TCP has brought has been handed on.
  return bytes;
}
/** TCP has brought so many bytes. Each frame has 12 more than its data. */
const brought = async (accepted, total) => {
  while (accepted.bytesRead < total) await once(accepted, 'data');
};

const whole = await open();
const received = await count(whole.far, async () => {
  const start = whole.accepted.bytesRead;
  whole.near.write(Buffer.alloc(SIZE, 1));
  await brought(whole.accepted, start + 12 + SIZE);
  whole.near.write('after');
  await brought(whole.accepted, start + 12 + SIZE + 12 + 5);
});
console.log(`written ${SIZE} at once and 5 bytes after: received ${received}`);

const small = await open();
const inPieces = await count(small.far, async (bytes) => {
  for (let sent = PIECE; sent <= SIZE; sent += PIECE) {
    small.near.write(Buffer.alloc(PIECE, 1));
    while (bytes() < sent) await once(small.far, 'data');
  }
});
console.log(`written ${SIZE} in pieces of ${PIECE}: received ${inPieces}`);

const isAsSeen = received < SIZE && inPieces === SIZE;
console.log(isAsSeen ? 'as described' : 'CHANGED');
process.exit(isAsSeen ? 0 : 1);
JS

npm install --silent --no-audit --no-fund yamux-js@0.2.0 >install.log 2>&1 || {
  cat install.log >&2
  echo "could not install what this script needs" >&2
  exit 2
}
node check.mjs
