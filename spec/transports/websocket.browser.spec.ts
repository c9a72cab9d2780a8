import { WebSocket as WebSocketOfPackage } from 'ws';
import { transportCompliance } from '../compliance/transport.js';
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

describe('ws from a browser', () => {
  test('throws a wrong address back, and every address to listen at', () => {
    const badAddress = expect.objectContaining({ code: 'bad-address' }) as Error;
    expect(() => dialer().dial('tcp://127.0.0.1:1')).toThrow(badAddress);
    const nobody = { onListening: () => {}, onOffer: () => {}, onFailed: () => {} };
    expect(() => dialer().listen('ws://127.0.0.1:1', nobody)).toThrow(badAddress);
  });
});
