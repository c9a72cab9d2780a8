import type { AddressInfo, Server } from 'node:net';
import { hostAndPort, type HostAndPort } from './address.js';
import { causeOf } from './socket-wire.js';
import type { Acceptor, Listening } from '../machines/ports.js';

/**
 * Binds a Node server (net, tls or http) and reports what an `Acceptor` wants to know. The caller greets the server's sockets.
 * `close` frees the address and lets accepted sockets live; Node's own callback would wait for them.
 */
export function bind(
  server: Server,
  { host, port }: HostAndPort,
  address: (bound: string) => string,
  acceptor: Acceptor,
): Listening {
  let isClosed = false;
  let isFree = false;
  const waiting: (() => void)[] = [];
  const free = (): void => {
    isFree = true;
    for (const done of waiting.splice(0)) done();
  };
  const stop = (): void => {
    if (server.listening) server.close();
    setImmediate(free); // The handle is closed by then.
  };

  server.on('listening', () => {
    // Binding a name takes a lookup, which can't be called off.
    if (isClosed) return stop();
    const { address: ip, port: bound } = server.address() as AddressInfo;
    acceptor.onListening(address(hostAndPort(ip, bound)));
  });
  server.on('error', (error) => {
    // A single accept that failed (too many open files) is the dialer's bad luck; the server goes on listening.
    if (server.listening) return;
    if (isClosed) return free();
    isClosed = true;
    isFree = true;
    acceptor.onFailed({ ...causeOf(error, 'attempt'), kind: 'refused' });
  });
  server.listen({ host, port });

  return {
    close(done) {
      if (isFree) {
        if (done) setImmediate(done);
        return;
      }
      if (done) waiting.push(done);
      if (isClosed) return;
      isClosed = true;
      if (server.listening) stop();
    },
  };
}
