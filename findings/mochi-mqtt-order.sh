#!/usr/bin/env bash
# github.com/mochi-mqtt/server/v2 v2.7.9 (an MQTT broker in Go) with mqtt 5.16.0 (npm).
#
# Guess: QoS 1 messages that were queued for an absent session arrive in the order in which they were published, as MQTT 5, 4.6
#   requires of a topic; and a subscriber with a Receive Maximum of 1 gets all messages, one after the other.
# Seen: the session is resumed and complete, but its queue comes in random order: the broker sorts the messages by the second in
#   which they came, and those of one second as a Go map iterates. With a Receive Maximum of 1 two of 20 messages arrive, although
#   both are acknowledged at once: the broker does not count the acknowledgement of a message that had to wait. The others
#   come after a new connection; messages of QoS 0 go on all the while.
# Output, for example:
#   session present: true, received: 18 2 0 3 12 13 16 17 9 10 19 6 5 8 15 4 1 7 11 14
#   Receive Maximum 1, 20 published, received: 0 11
# Why it matters: "the session survived" does not say that its order did. A consumer whose messages build on each other (a state,
#   then a change to it) needs numbers of its own, and a small window can be worse than none.
set -euo pipefail

for tool in node npm go; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// A broker on a port of the system's choice, printed first; it ends with its input.
func main() {
	broker := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	listener := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0"})
	if err := errors.Join(broker.AddHook(new(auth.AllowHook), nil), broker.AddListener(listener), broker.Serve()); err != nil {
		panic(err)
	}
	fmt.Println(listener.Address())
	io.Copy(io.Discard, os.Stdin)
	broker.Close()
}
GO

cat >check.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import mqtt from 'mqtt';

const giveUp = () => process.exit((console.log('CHANGED, or too slow: no end within 40 s'), 1));
setTimeout(giveUp, 40_000).unref();
const COUNT = 20;
const broker = spawn('./broker', { stdio: ['pipe', 'pipe', 'inherit'] });
const [address] = await once(broker.stdout, 'data');
const url = `mqtt://${String(address).trim()}`;

const dial = (clientId, more) => mqtt.connect(url, { protocolVersion: 5, clientId, reconnectPeriod: 0, ...more });
const writer = dial('writer');
const publish = async (topic) => {
  for (let n = 0; n < COUNT; n++) await writer.publishAsync(topic, String(n), { qos: 1 });
};

// One: the session is away while 20 messages are published.
const session = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const before = dial('reader', session);
await before.subscribeAsync('away', { qos: 1 });
await before.endAsync();
await publish('away');
const queued = [];
const resumed = dial('reader', session);
const complete = new Promise((done) => {
  resumed.on('message', (topic, payload) => void (queued.push(Number(payload)) === COUNT && done()));
});
const [{ sessionPresent }] = await once(resumed, 'connect');
await complete;
console.log(`session present: ${sessionPresent}, received: ${queued.join(' ')}`);

// Two: a subscriber that takes one message at a time, and takes the first when all are published.
const narrow = dial('narrow', { properties: { receiveMaximum: 1 } });
const got = [];
let [open, onMarker] = [];
const isOpen = new Promise((done) => (open = done));
narrow.on('message', (topic) => topic === 'marker' && onMarker());
narrow.handleMessage = async (packet, acknowledge) => {
  if (packet.qos === 1) {
    await isOpen;
    got.push(Number(packet.payload));
  }
  acknowledge();
};
await narrow.subscribeAsync(['window', 'marker'], { qos: 1 });
await publish('window');
open();
// Twenty markers, each after the last one's arrival: time for all the messages that wait.
for (let n = 0; n < COUNT; n++) {
  const arrived = new Promise((done) => (onMarker = done));
  await writer.publishAsync('marker', String(n), { qos: 0 });
  await arrived;
  await new Promise(setImmediate);
}
console.log(`Receive Maximum 1, ${COUNT} published, received: ${got.join(' ')}`);

const sorted = [...queued].sort((a, b) => a - b);
const isAsSeen = sessionPresent && sorted.every((n, i) => n === i) && sorted.join() !== queued.join() && got.length === 2;
console.log(isAsSeen ? 'as described' : 'CHANGED');
process.exit(isAsSeen ? 0 : 1); // The broker ends with its input.
JS

{
  npm install --silent --no-audit --no-fund mqtt@5.16.0
  go mod init example.test/broker
  go get github.com/mochi-mqtt/server/v2@v2.7.9
  go build -o broker .
} >install.log 2>&1 || { cat install.log >&2; echo "could not install what this script needs" >&2; exit 2; }
node check.mjs
