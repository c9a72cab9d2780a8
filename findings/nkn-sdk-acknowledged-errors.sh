#!/usr/bin/env bash
# nkn-sdk 1.3.6 (npm; messages over NKN's relays): what the sender of a message learns about the receiver's handlers.
#
# Guess: client.send() resolves when a handler of the receiver took the message; where the handler throws, or its promise rejects, the
#   sender gets an error, or nothing and a timeout. A reply arrives as the type that the handler returned.
# Seen: a handler that throws is acknowledged: send() resolves with null, as it does for a handler that has done its work and returned
#   nothing. A reply of no bytes arrives as empty text. Of several handlers the first value that is neither null nor undefined counts:
#   a false of an earlier one silences the answer of a later one, which runs and is not heard. The same with Client and MultiClient.
# Output, for each of both classes:
#   returns undefined      resolves: null
#   throws                 resolves: null
#   rejects                resolves: null
#   returns no bytes       resolves: '' (string)
#   false, then bytes      rejects: timeout; both handlers ran
#   bytes, then false      resolves: Uint8Array(1) [ 1 ]
# Why it matters: a program that takes the acknowledgement for "processed" loses messages in silence when the receiver has a fault. An
#   answer of its own ("ok") as the reply is needed, and a handler that is not asked has to return undefined, never false.
set -euo pipefail

for tool in node npm; do command -v "$tool" >/dev/null || { echo "this script needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >check.cjs <<'JS'
const { once } = require('node:events');
const { createServer } = require('node:http');
const { inspect } = require('node:util');
const { inflateSync } = require('node:zlib');
const { Server } = require('ws'); // The one that nkn-sdk brings along.
const nkn = require('nkn-sdk').default;

setTimeout(() => process.exit((console.log('CHANGED, or too slow: no end within 60 s'), 1)), 60_000).unref();
const ZEROES = '00'.repeat(32);
const { ClientMessage, ClientMessageType, CompressionType, OutboundMessage, InboundMessage } = nkn.pb.messages;

// As much of a node as clients need: it names itself as their node, and relays from one to another.
const clients = new Map();
const http = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    const addr = `127.0.0.1:${http.address().port}`;
    response.end(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, result: { addr, rpcAddr: addr, pubkey: ZEROES, id: ZEROES } }));
  });
});
new Server({ server: http }).on('connection', (socket) => {
  let own;
  socket.send(JSON.stringify({ Action: 'authChallenge', Challenge: ZEROES }));
  socket.on('message', (data) => {
    if (typeof data === 'string') {
      clients.set((own = JSON.parse(data).Addr), socket);
      return socket.send(JSON.stringify({ Action: 'setClient', Error: 0, Result: { node: {}, sigChainBlockHash: ZEROES } }));
    }
    const message = ClientMessage.deserializeBinary(new Uint8Array(data));
    if (message.getMessageType() !== ClientMessageType.OUTBOUND_MESSAGE) return;
    const isPacked = message.getCompressionType() === CompressionType.COMPRESSION_ZLIB;
    const raw = message.getMessage();
    const outbound = OutboundMessage.deserializeBinary(isPacked ? new Uint8Array(inflateSync(raw)) : raw);
    const payloads = outbound.getPayloadsList();
    (outbound.getDest() === '' ? outbound.getDestsList() : [outbound.getDest()]).forEach((to, i) => {
      const inbound = new InboundMessage();
      inbound.setSrc(own);
      inbound.setPayload(payloads.length === 0 ? outbound.getPayload() : (payloads[i] ?? payloads[0]));
      const envelope = new ClientMessage();
      envelope.setMessageType(ClientMessageType.INBOUND_MESSAGE);
      envelope.setMessage(inbound.serializeBinary());
      clients.get(to)?.send(envelope.serializeBinary());
    });
  });
});

const bytes = Uint8Array.of(1);
const fails = () => { throw new Error('a fault of the handler'); };
let ran = 0;
const counted = (value) => () => (ran++, value);
const CASES = [
  ['returns undefined', 'resolves: null', counted(undefined)],
  ['throws', 'resolves: null', fails],
  ['rejects', 'resolves: null', async () => fails()],
  ['returns no bytes', "resolves: '' (string)", counted(new Uint8Array(0))],
  ['false, then bytes', 'rejects: timeout; both handlers ran', counted(false), counted(bytes)],
  ['bytes, then false', 'resolves: Uint8Array(1) [ 1 ]', counted(bytes), counted(false)],
];

(async () => {
  console.log = ((log) => (...words) => String(words[0]).startsWith('Message handler error') || log(...words))(console.log);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  let seed = 1;
  const open = async (kind) => {
    const rpcServerAddr = `http://127.0.0.1:${http.address().port}`;
    const options = { rpcServerAddr, tls: false, responseTimeout: 1000, numSubClients: 1, originalClient: true };
    const client = new nkn[kind]({ ...options, seed: Buffer.alloc(32, seed++).toString('hex') });
    await new Promise((resolve) => client.onConnect(resolve));
    return client;
  };
  let isAsSeen = true;
  for (const kind of ['Client', 'MultiClient']) {
    console.log(kind);
    const sender = await open(kind);
    for (const [name, expected, ...handlers] of CASES) {
      const receiver = await open(kind);
      for (const handler of handlers) receiver.onMessage(handler);
      ran = 0;
      const seen = await sender.send(receiver.addr, 'a message').then(
        (value) => `resolves: ${inspect(value && typeof value !== 'string' ? new Uint8Array(value) : value)}${typeof value === 'string' ? ' (string)' : ''}`,
        (error) => `rejects: ${/timeout/i.test(`${error?.message ?? error}`) ? 'timeout' : error}; ${ran === 2 ? 'both handlers' : ran} ran`,
      );
      console.log(`  ${name.padEnd(22)} ${seen}`);
      isAsSeen &&= seen === expected;
      receiver.close();
    }
  }
  console.log(isAsSeen ? 'as described' : 'CHANGED');
  process.exit(isAsSeen ? 0 : 1);
})();
JS

npm install --silent --no-audit --no-fund --ignore-scripts nkn-sdk@1.3.6 >install.log 2>&1 || {
  cat install.log >&2; echo "could not install what this script needs" >&2; exit 2;
}
node check.cjs
