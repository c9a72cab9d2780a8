import type { Command } from 'commander';
import { isLoopbackHost } from '../../machines/loopback.js';
import { ReconnectingSession, StreamSession, TunnelEntrance, TunnelExit, type Place } from '../streams/index.js';
import {
  addressOf,
  Failed,
  hostAndPortOf,
  Misuse,
  onInterrupt,
  openEngine,
  Output,
  windowOption,
  withPeerOptions,
  withVisitorOptions,
} from './cli-output.js';
import { dialedProtocol, LinkWatch, servedProtocols, withLinksOptions, type LinksOptions } from './links.js';
import type { PeerOptions } from './cli-output.js';
import { tellRefusals } from './refusals.js';
import { TunnelLog } from './tunnel-log.js';

interface TunnelOptions extends PeerOptions, LinksOptions {
  readonly window: number;
  readonly json?: boolean;
}

export function tunnelCommand(program: Command): void {
  const tunnel = program
    .command('tunnel')
    .description('carries TCP connections through one session that survives cuts, sleep and network changes');
  withCommon(
    tunnel
      .command('listen')
      .description('the far end: accepts sessions and connects their streams to one target')
      .argument('<addr>', 'the address to listen at: tcp://, tls://, ws:// or wss://, with host and port', addressOf('listen'))
      .requiredOption('--to <host:port>', 'the target of the connections', hostAndPortOf('dial')),
    'listen',
  ).action(async (address: string, options: TunnelOptions & { readonly to: Place }) => {
    await tunnelListen(address, options, new Output(options.json ?? false));
  });
  withCommon(
    tunnel
      .command('dial')
      .description('the near end: keeps a session with the far end and listens for TCP connections')
      .argument('<addr>', 'the address of the far end; it may start later', addressOf('dial'))
      .requiredOption(
        '--listen <host:port>',
        'the local address for TCP connections; port 0 selects a free port; other machines need --insecure',
        hostAndPortOf('listen'),
      ),
    'dial',
  ).action(async (address: string, options: TunnelOptions & { readonly listen: Place }) => {
    await tunnelDial(address, options, new Output(options.json ?? false));
  });
}

function withCommon(command: Command, side: 'dial' | 'listen'): Command {
  withLinksOptions(command, side);
  if (side === 'listen') withVisitorOptions(command);
  return withPeerOptions(
    command.addOption(windowOption(side)).option('--json', 'print one JSON object per line, the summary last'),
  );
}

async function tunnelListen(address: string, options: TunnelOptions & { readonly to: Place }, output: Output): Promise<void> {
  const protocols = servedProtocols(options, options);
  const watch = new LinkWatch();
  const engine = await openEngine({ listen: [address], protocols, inspect: watch.inspect }, options, output);
  const log = new TunnelLog(output, engine, watch);
  tellRefusals(engine, output);
  const exit = new TunnelExit(options.to, log);
  const bound = engine.addresses[0]!;
  const endings = new Set<Promise<unknown>>();
  // Before the line "Listening at …": a reader of that line may send a signal at once.
  onInterrupt(async () => {
    await engine.shutdown({ deadlineMs: 3000 });
    await Promise.all([exit.close(), ...endings]); // The summary comes last.
    log.summarize();
  }, endedAsAsked);
  output.tell({ event: 'listening', address: bound });
  output.say(`Listening at ${bound}; connections go to ${placed(options.to)}.`);
  for await (const connection of engine.incoming) {
    log.opened(connection.peer);
    const session = new StreamSession(connection);
    exit.serve(session);
    const ending = session.closed.then((closing) => {
      endings.delete(ending);
      log.ended(closing);
    });
    endings.add(ending);
  }
}

async function tunnelDial(address: string, options: TunnelOptions & { readonly listen: Place }, output: Output): Promise<void> {
  refuseToBeOpen(options);
  const protocols = [dialedProtocol(options, options)];
  const watch = new LinkWatch();
  const engine = await openEngine({ dial: [address], protocols, inspect: watch.inspect }, options, output);
  const log = new TunnelLog(output, engine, watch);
  const reconnecting = new ReconnectingSession(engine, address, {
    waiting: (closing) => log.waiting(address, closing),
    opened: () => log.opened(address),
    ended: (closing) => log.ended(closing),
  });
  const entrance = new TunnelEntrance(reconnecting, log);
  try {
    onInterrupt(async () => {
      await Promise.all([reconnecting.stop({ now: true }), entrance.close()]);
      await engine.shutdown({ deadlineMs: 3000 });
      log.summarize();
    }, endedAsAsked);
    await listenAt(entrance, options.listen, output);
    await reconnecting.run();
  } catch (error) {
    await entrance.close();
    await engine.shutdown();
    throw error;
  }
  await new Promise(() => {}); // After an interrupt the process exits once everything is closed.
}

/** Any process that reaches the near end can use the tunnel, without authentication. */
function refuseToBeOpen({ listen, insecure }: TunnelOptions & { readonly listen: Place }): void {
  if (insecure === true || isLoopbackHost(listen.host)) return;
  throw new Misuse(
    `other machines can reach --listen ${placed(listen)} and use the tunnel; listen at 127.0.0.1, or pass --insecure to allow it`,
  );
}

async function listenAt(entrance: TunnelEntrance, place: Place, output: Output): Promise<void> {
  const port = await entrance.listen(place).catch((error: Error) => {
    throw new Failed(`can't listen at ${placed(place)}: ${error.message}`, 'Choose another port with --listen.');
  });
  const bound = placed({ host: place.host, port });
  output.tell({ event: 'listening', address: bound });
  output.say(`Listening at ${bound}.`);
}

/** A tunnel does not end by itself: an interrupt is its regular end. */
const endedAsAsked = (): 0 => 0;

function placed({ host, port }: Place): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
