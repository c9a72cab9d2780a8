#!/usr/bin/env bash
# werift 0.24.4 (npm; WebRTC in TypeScript), both ends in one process, over loopback.
#
# Guess: an empty message on a data channel arrives as an empty message (RFC 8831, 6.6), or send() throws. The channel goes on.
# Seen: send('') and send() of an empty buffer succeed. Nothing is sent, but on an ordered channel the number of the message is
#   used up, so the receiver waits for it forever: every later message of that direction is received, acknowledged and never
#   delivered. bufferedAmount is 0, the channel stays open, other channels work. On an unordered channel only the empty message
#   is missing.
# Output:
#   ordered, one, '', two, three: delivered "one"; 0 bytes buffered
#   ordered, one, empty buffer, two, three: delivered "one"; 0 bytes buffered
#   unordered, one, '', two, three: delivered "one" "two" "three"; 0 bytes buffered
#   ordered, one, two, three: delivered "one" "two" "three"; 0 bytes buffered
# Why it matters: the empty keep-alive, the empty line of a chat, the empty last chunk of a file: after it the channel is silent,
#   and each layer says that all is well. A session above data channels must not send empty messages, and must not take an
#   open channel with an empty send buffer for delivery.
set -euo pipefail

for tool in node npm; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >check.mjs <<'JS'
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { RTCPeerConnection } from 'werift';

const giveUp = () => process.exit((console.log('CHANGED, or too slow: no end within 40 s'), 1));
setTimeout(giveUp, 40_000).unref();

// werift asks a public STUN server unless it is given one, also with an empty list: this one tells each socket its own address.
const stun = createSocket('udp4', (request, { port, address }) => {
  const mapped = Buffer.from([0, 0x20, 0, 8, 0, 1, (port >> 8) ^ 0x21, (port & 255) ^ 0x12, 0x21 ^ 127, 0x12, 0xa4, 0x42 ^ 1]);
  stun.send(Buffer.concat([Buffer.from([1, 1, 0, mapped.length]), request.subarray(4, 20), mapped]), port, address);
}).bind(0, '127.0.0.1');
await once(stun, 'listening');
const iceServers = [{ urls: `stun:127.0.0.1:${stun.address().port}` }];
const loopback = { iceServers, iceAdditionalHostAddresses: ['127.0.0.1'], iceUseIpv4: false, iceUseIpv6: false };
const [near, far] = [new RTCPeerConnection(loopback), new RTCPeerConnection(loopback)];
const gathered = (peer) =>
  peer.iceGatheringState === 'complete' ? undefined : peer.iceGatheringStateChange.watch((state) => state === 'complete');
const control = near.createDataChannel('control');
await near.setLocalDescription(await near.createOffer());
await gathered(near);
await far.setRemoteDescription(near.localDescription);
await far.setLocalDescription(await far.createAnswer());
await gathered(far);
await near.setRemoteDescription(far.localDescription);

const byLabel = new Map();
far.onDataChannel.subscribe((channel) => {
  const got = [];
  byLabel.set(channel.label, got);
  // The control channel is an echo: what comes back from there was sent after all that the other channels sent before.
  channel.onMessage.subscribe((message) => void (channel.label === 'control' ? channel.send(message) : got.push(String(message))));
});
await control.stateChanged.watch((state) => state === 'open');

/** What was delivered of the messages by the time that ten later messages of the control channel have come back. */
async function delivered(label, options, messages) {
  const channel = near.createDataChannel(label, options);
  await channel.stateChanged.watch((state) => state === 'open');
  for (const message of messages) channel.send(message);
  for (let n = 0; n < 10; n++) {
    const echo = control.onMessage.watch((message) => String(message) === `${label} ${n}`);
    control.send(`${label} ${n}`);
    await echo;
  }
  const got = byLabel.get(label);
  console.log(`${label}: delivered ${got.map((each) => JSON.stringify(each)).join(' ')}; ${channel.bufferedAmount} bytes buffered`);
  return got.sort().join();
}

const text = await delivered("ordered, one, '', two, three", {}, ['one', '', 'two', 'three']);
const binary = await delivered('ordered, one, empty buffer, two, three', {}, ['one', Buffer.alloc(0), 'two', 'three']);
const unordered = await delivered("unordered, one, '', two, three", { ordered: false }, ['one', '', 'two', 'three']);
const plain = await delivered('ordered, one, two, three', {}, ['one', 'two', 'three']);

const isAsSeen = text === 'one' && binary === 'one' && unordered === 'one,three,two' && plain === 'one,three,two';
console.log(isAsSeen ? 'as described' : 'CHANGED');
process.exit(isAsSeen ? 0 : 1);
JS

npm install --silent --no-audit --no-fund werift@0.24.4 >install.log 2>&1 || {
  cat install.log >&2
  echo "could not install what this script needs" >&2
  exit 2
}
node check.mjs
