#!/usr/bin/env bash
# github.com/r3labs/sse/v2 v2.10.0 (Server-Sent Events in Go, replay on by default) with eventsource 4.1.1 (npm).
#
# Guess: the browser's resume works: events keep the ids that the program gave them, and after a cut come the events after
#   Last-Event-ID, each once.
# Seen: ids are replaced by the position in the log (0, 1, 2, …). Replay begins with the event that has Last-Event-ID, not
#   after it, so each reconnect delivers the last event once more. Clearing the log, the way to bound its memory, starts the
#   ids at 0 again: what a client with a higher Last-Event-ID misses from then on is never replayed to it.
# Output:
#   delivered: a (id 0), b (id 1), c (id 2)
#   after a cut, with d published meanwhile: c (id 2), d (id 3)
#   after a cut, with the log cleared and e and f published meanwhile, then g: g (id 2)
# Why it matters: resume by id is what SSE is chosen for. Here a handler that is not idempotent runs twice per cut, an id can't be
#   used to look something up, and a long-lived server must choose between memory without bound and silent gaps.
set -euo pipefail

for tool in node npm go; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/r3labs/sse/v2"
)

// Publishes each line of its input with an id of its own; "clear" clears the log. It ends with its input.
func main() {
	server := sse.New()
	stream := server.CreateStream("stream")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, server)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); fmt.Println("done") {
		if lines.Text() == "clear" {
			stream.Eventlog.Clear()
			continue
		}
		server.Publish("stream", &sse.Event{ID: []byte("order-" + lines.Text()), Data: []byte(lines.Text()), Retry: []byte("50")})
	}
}
GO

cat >check.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { EventSource } from 'eventsource';

const giveUp = () => process.exit((console.log('CHANGED, or too slow: no end within 40 s'), 1));
setTimeout(giveUp, 40_000).unref();

const server = spawn('./server', { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: server.stdout });
const [port] = await once(lines, 'line');
const tell = async (line) => (server.stdin.write(`${line}\n`), await once(lines, 'line'));

// A proxy whose connections are cut, and which takes no new one while the link is down.
const sockets = new Set();
const proxy = net.createServer((near) => {
  const far = net.connect(Number(port), '127.0.0.1');
  for (const [one, other] of [[near, far], [far, near]]) {
    sockets.add(one);
    one.pipe(other);
    one.on('error', () => {}).on('close', () => other.destroy());
  }
});
const up = async (wanted = 0) => (proxy.listen(wanted, '127.0.0.1'), await once(proxy, 'listening'), proxy.address().port);
const cut = async () => {
  for (const each of sockets) each.destroy();
  sockets.clear();
  await new Promise((closed) => proxy.close(closed));
};

const proxyPort = await up();
const source = new EventSource(`http://127.0.0.1:${proxyPort}/?stream=stream`);
let got = [];
/** What is delivered up to the event with this text. */
const until = async (text) => {
  while (!got.some((each) => each.startsWith(text))) await once(source, 'message');
  return got.splice(0).join(', ');
};
source.addEventListener('message', ({ data, lastEventId }) => got.push(`${data} (id ${lastEventId})`));

await once(source, 'open');
for (const text of ['a', 'b', 'c']) await tell(text);
const first = await until('c');
console.log(`delivered: ${first}`);

await cut();
await tell('d');
await up(proxyPort);
const second = await until('d');
console.log(`after a cut, with d published meanwhile: ${second}`);

await cut();
for (const line of ['clear', 'e', 'f']) await tell(line);
await up(proxyPort);
await once(source, 'open');
await tell('g');
const third = await until('g');
console.log(`after a cut, with the log cleared and e and f published meanwhile, then g: ${third}`);

const isAsSeen = first === 'a (id 0), b (id 1), c (id 2)' && second === 'c (id 2), d (id 3)' && third === 'g (id 2)';
console.log(isAsSeen ? 'as described' : 'CHANGED');
process.exit(isAsSeen ? 0 : 1); // The server ends with its input.
JS

{
  npm install --silent --no-audit --no-fund eventsource@4.1.1
  go mod init example.test/server
  go get github.com/r3labs/sse/v2@v2.10.0
  go build -o server .
} >install.log 2>&1 || { cat install.log >&2; echo "could not install what this script needs" >&2; exit 2; }
node check.mjs
