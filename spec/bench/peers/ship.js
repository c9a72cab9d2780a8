// A holdfast SHIP hub as server, through the public API as built into dist/; bare clients that play the handshake (lib/ship-client.js).
import { dialShip } from '../lib/ship-client.js';

class Conn {
  onmessage = null;
  constructor(ws) { this.ws = ws; }
  close() { return new Promise((r) => { this.ws.once('close', r); this.ws.terminate(); }); }
}

export default () => ({
  pkg: [],
  async serve({ host, port, onConn }) {
    const { Hub, makeShipIdentity } = await import('../../../dist/adapters/ship/index.js');
    const { shipTransport } = await import('../../../dist/transports/ship.js');
    const identity = await makeShipIdentity();
    const hub = new Hub(
      { ski: identity.ski, shipId: 'bench-server', transports: [shipTransport({ identity })], listen: [`wss://${host}:${port}/ship/`], autoAccept: true, maxConnections: 1e6 },
      { setupRemoteDevice: () => () => {}, remoteSKIConnected: (ski) => onConn(hub.getConnection(ski).connection) },
    );
    await hub.start();
    return { port: Number(new URL(hub.engine.addresses[0].replace('wss', 'https')).port) };
  },
  async dial({ port }) {
    const { makeShipIdentity } = await import('../../../dist/adapters/ship/index.js');
    return new Conn(await dialShip({ port, identity: await makeShipIdentity() })); // A peer of its own each time.
  },
});
