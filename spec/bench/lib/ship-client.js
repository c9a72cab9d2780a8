// A SHIP client that costs little: bare `ws` over mutual TLS, which plays a handshake by heart. What the server costs is what is measured.
import { WebSocket } from 'ws';

const control = (text) => Buffer.from(`\x01${text}`);
const CMI = Buffer.from([0, 0]);
const READY = control('{"connectionHello":[{"phase":"ready"},{"waiting":60000}]}');
const hand = (type) => control(`{"messageProtocolHandshake":[{"handshakeType":"${type}"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":["JSON-UTF8"]}]}]}`);
const ANNOUNCE = hand('announceMax'), SELECT = hand('select');
const PIN = control('{"connectionPinState":[{"pinState":"none"}]}');
const ASK = control('{"accessMethodsRequest":[]}');
const ID = control('{"accessMethods":[{"id":"bench"}]}');

/** Resolves with the WebSocket when both sides know each other's SHIP id; the server is complete then, or about to be. */
export function dialShip({ port, identity }) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://127.0.0.1:${port}/ship/`, ['ship'], {
      key: identity.key, cert: identity.certificate, rejectUnauthorized: false, perMessageDeflate: false, generateMask: (m) => m.fill(0),
    });
    let asked = false, told = false;
    ws.on('error', reject);
    ws.on('close', (code, reason) => reject(new Error(`closed ${code} ${reason}`)));
    ws.on('open', () => { ws.send(CMI); ws.send(READY); });
    ws.on('message', (m) => {
      const text = m.toString('latin1');
      if (text.includes('"ready"')) ws.send(ANNOUNCE);
      else if (text.includes('"select"')) { ws.send(SELECT); ws.send(PIN); ws.send(ASK); }
      else if (text.includes('accessMethodsRequest')) { asked = true; ws.send(ID); }
      else if (text.includes('"accessMethods"')) told = true;
      else if (text.includes('aborted')) reject(new Error('aborted'));
      if (asked && told) { ws.removeAllListeners('message').removeAllListeners('close').on('message', () => {}); resolve(ws); }
    });
  });
}
