import { connect, createServer, type Socket } from 'node:net';
import { hostAndPort, parseHostAndPort, type HostAndPort } from './address.js';
import { checked, TCP_RULES } from './checked.js';
import { bind } from './socket-listener.js';
import { HIGH_WATER_BYTES } from './corked-wire.js';
import { readInto, remoteAddressOf, SocketWire } from './socket-wire.js';
import type { Acceptor, Identity, Opener, Transport } from '../machines/ports.js';

/** Limits of connecting and of keep-alive probes. Milliseconds. */
export interface TcpOptions {
  /** After this long without a connection an attempt ends as `unreachable`. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** Silence after which the system sends keep-alive probes. Default 15000; `false` switches them off. */
  readonly keepAliveMs?: number | false;
}

/** Plain TCP: `tcp://host:port`. The IPv4 and IPv6 addresses of a name are raced. Nagle's algorithm is off. */
export function tcp(options: TcpOptions = {}): Transport {
  const settings = socketSettings(checked('tcp', TCP_RULES, options));
  let last: { readonly address: string; readonly target: HostAndPort } | undefined;
  // An address is read when a connection is asked for, and again for each of its dials.
  const targetOf = (address: string): HostAndPort => {
    if (last?.address !== address) last = { address, target: parseHostAndPort(address, 'tcp', 'dial') };
    return last.target;
  };
  return {
    name: 'tcp',
    schemes: ['tcp'],
    boundaries: 'stream',
    secure: false,
    dial: (address) => dialing(targetOf(address), settings),
    listen(address, acceptor) {
      const target = parseHostAndPort(address, 'tcp', 'listen');
      // Paused: bytes wait in the kernel until the acceptor has opened the wire.
      const server = createServer({ ...settings.socket, pauseOnConnect: true });
      server.on('connection', (socket) => offer(socket, acceptor));
      return bind(server, target, (bound) => `tcp://${bound}`, acceptor);
    },
  };
}

/** The settings that all kinds of sockets share. @internal */
export interface SocketSettings {
  readonly connectTimeoutMs: number;
  readonly socket: {
    readonly noDelay: true;
    readonly keepAlive: boolean;
    readonly keepAliveInitialDelay: number;
    readonly highWaterMark: number;
  };
  /** Happy eyeballs: how long one address may take before the next is tried too; RFC 8305 recommends 250 ms. */
  readonly race: { readonly autoSelectFamily: true; readonly autoSelectFamilyAttemptTimeout: number };
}

/** @internal */
export function socketSettings({ connectTimeoutMs = 10_000, keepAliveMs = 15_000 }: TcpOptions): SocketSettings {
  return {
    connectTimeoutMs,
    socket: {
      noDelay: true,
      keepAlive: keepAliveMs !== false,
      keepAliveInitialDelay: keepAliveMs === false ? 0 : keepAliveMs,
      highWaterMark: HIGH_WATER_BYTES,
    },
    race: { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 },
  };
}

function dialing({ host, port }: HostAndPort, { connectTimeoutMs, socket: options, race }: SocketSettings): Opener {
  return (handler) => {
    const onread = readInto(() => wire);
    // Written out: a copy of several objects costs more than all the rest of this function.
    const settings = {
      host,
      port,
      noDelay: true,
      keepAlive: options.keepAlive,
      keepAliveInitialDelay: options.keepAliveInitialDelay,
      highWaterMark: options.highWaterMark,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: race.autoSelectFamilyAttemptTimeout,
      onread,
    };
    const socket = connect(settings);
    const wire = new SocketWire(socket, true, hostAndPort(host, port));
    wire.handler = handler;
    wire.limitAttempt(connectTimeoutMs);
    socket.once('connect', () => {
      wire.limitAttempt(0);
      wire.remoteAddress = remoteAddressOf(socket);
      wire.opened();
    });
    return () => wire.destroy();
  };
}

/** Offers an accepted, paused socket to the acceptor. A refused one is closed: TCP can't carry a reason. @internal */
export function offer(socket: Socket, acceptor: Acceptor, identity?: Identity): void {
  const wire = new SocketWire(socket, false);
  wire.identity = identity;
  acceptor.onOffer({
    remoteAddress: wire.remoteAddress,
    identity,
    open(handler) {
      wire.handler = handler;
      queueMicrotask(() => wire.opened());
      return () => wire.destroy();
    },
    refuse: () => void socket.destroy(),
  });
}
