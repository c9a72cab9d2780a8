#!/usr/bin/env bash
# bonjour-service 1.4.4 (npm; finds services by mDNS) and a device that announces itself with multicast-dns 7.2.5 (npm).
#
# Guess: browser.expire() drops services that have been silent for their time to live: each announcement counts. The description
#   (TXT) that is found is the one that was announced.
# Seen: an announcement that changes nothing does not count. A device that announced itself a moment ago is dropped ("down") if its
#   first announcement is older than the time to live, and is "up" again with its next one. In the description, an entry
#   with an empty value gets the "=" into its name and loses the value, and an entry of one letter is left out.
# Output:
#   up { id: 'wallbox-1', 'register=': undefined }
#   6 announcements later, expire() at once after the last: down, 0 services known
#   up, after one announcement more
# Why it matters: expire() is there so that devices that vanish without a goodbye are noticed. Here a session manager that follows
#   "down" ends the session with a healthy device once per time to live. The description as announced is in service.rawTxt.
set -euo pipefail

for tool in node npm; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >check.mjs <<'JS'
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pass } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Bonjour } from 'bonjour-service';
import multicastDns from 'multicast-dns';

const giveUp = () => process.exit((console.log('CHANGED, or too slow: no end within 40 s'), 1));
setTimeout(giveUp, 40_000).unref();

// Neither side uses multicast here: the device speaks to the browser's port on loopback, which the system chooses.
const probe = createSocket('udp4').bind(0, '127.0.0.1');
await once(probe, 'listening');
const { port } = probe.address();
probe.close();
await once(probe, 'close');
const settings = { multicast: false, bind: '127.0.0.1', ip: '127.0.0.1' };
const bonjour = new Bonjour({ ...settings, port });
const device = multicastDns({ ...settings, port: 0 });
await once(device, 'ready');

const [type, name, host] = ['_ship._tcp.local', 'Wallbox._ship._tcp.local', 'wallbox.local'];
const TTL_S = 1;
const announce = () => {
  const answers = [
    { name: type, type: 'PTR', ttl: TTL_S, data: name },
    { name, type: 'SRV', ttl: TTL_S, data: { target: host, port: 4712 } },
    { name, type: 'TXT', ttl: TTL_S, data: ['id=wallbox-1', 'register=', 'a'] },
    { name: host, type: 'A', ttl: TTL_S, data: '127.0.0.1' },
  ];
  return new Promise((sent) => device.respond({ answers }, { address: '127.0.0.1', port }, sent));
};

const browser = bonjour.find({ type: 'ship' });
const happened = [];
browser.on('up', () => happened.push('up')).on('down', () => happened.push('down'));
/** Announces, and settles when the browser has had the packet, which its public events do not tell. */
const heard = async () => {
  const packet = once(bonjour.server.mdns, 'response');
  await announce();
  await packet;
};

const firstMs = Date.now();
while (browser.services.length === 0) await Promise.race([heard(), pass(200)]);
const { txt } = browser.services[0];
console.log(`${happened.join(', ')} ${inspect(txt)}`);

let announcements = 0;
for (; Date.now() < firstMs + 1.2 * TTL_S * 1000; announcements++) {
  await pass(200); // The one wait for time: the device's own rhythm, until its first announcement is older than its time to live.
  await heard();
}
browser.expire();
const known = browser.services.length;
console.log(`${announcements} announcements later, expire() at once after the last: ${happened.at(-1)}, ${known} services known`);
await heard();
console.log(`${happened.at(-1)}, after one announcement more`);

const isAsSeen = happened.join() === 'up,down,up' && known === 0 && inspect(txt) === "{ id: 'wallbox-1', 'register=': undefined }";
console.log(isAsSeen ? 'as described' : 'CHANGED');
process.exit(isAsSeen ? 0 : 1);
JS

npm install --silent --no-audit --no-fund bonjour-service@1.4.4 multicast-dns@7.2.5 >install.log 2>&1 || {
  cat install.log >&2; echo "could not install what this script needs" >&2; exit 2;
}
node check.mjs
