import { WebSocket as WebSocketOfPackage } from 'ws';
import { noise, transportCompliance } from '../compliance/transport.js';
import { turns, Witness } from '../compliance/witness.js';
import { websocket as dialer } from '../../transports/websocket.browser.js';
import { websocket } from '../../transports/websocket.js';

/** The `ws` package has a browser's interface too; it stands in for the global one. */
const before = globalThis.WebSocket as unknown;
beforeAll(() => Object.assign(globalThis, { WebSocket: WebSocketOfPackage }));
afterAll(() => Object.assign(globalThis, { WebSocket: before }));

transportCompliance('ws from a browser', () => ({
  transport: websocket(),
  dialer: dialer(),
  address: 'ws://127.0.0.1:0',
  nowhere: 'ws://127.0.0.1:1',
  badAddresses: ['ws:127.0.0.1:1', 'tcp://127.0.0.1:7000', 'ws://127.0.0.1:70000', 'ws://a b:1'],
}));

describe('transports/websocket browser: ws from a browser', () => {
  test('a paused reader, which can’t hold the peer back, gets all of it and then the end', async () => {
    const watched = new Witness(dialer());
    const pieces = Array.from({ length: 50 }, (_, i) => noise(i, 1 + i * 10));
    const listener = watched.listen(websocket(), 'ws://127.0.0.1:0', (offer) =>
      watched.accept(offer, {
        onOpen(end) {
          for (const each of pieces) end.send(each);
          end.call('close');
        },
      }),
    );
    await watched.until(() => listener.address !== '');
    const a = watched.dial(listener.address, { onBytes: (end) => end.chunks.length % 10 === 1 && end.call('pause') });
    for (let heard = 1; heard < 50; heard += 10) {
      await watched.until(() => a.chunks.length >= heard);
      await turns(20);
      expect([a.chunks.length, a.cause]).toEqual([heard, undefined]);
      a.call('resume');
    }
    expect(await a.closed()).toMatchObject({ kind: 'ended' });
    expect(a.received.equals(Buffer.concat(pieces))).toBe(true);
    await watched.sweep();
    expect(watched.complaints).toEqual([]);
  });

  test('throws a wrong address back, and every address to listen at', () => {
    const badAddress = expect.objectContaining({ code: 'bad-address' }) as Error;
    expect(() => dialer().dial('tcp://127.0.0.1:1')).toThrow(badAddress);
    const none = { onListening: () => {}, onOffer: () => {}, onFailed: () => {} };
    expect(() => dialer().listen('ws://127.0.0.1:1', none)).toThrow(badAddress);
  });
});
