import { basename } from 'node:path';
import type { Command } from 'commander';
import {
  FileSource,
  ReconnectingSession,
  PipeSource,
  sendFiles,
  StreamError,
  type Source,
  type StreamSession,
} from '../streams/index.js';
import { addressOf, Failed, Misuse, onInterrupt, openEngine, Output, windowOption, withPeerOptions } from './cli-output.js';
import { faultOf } from '../streams/transfer/names.js';
import { dialedProtocol, LinkWatch, withLinksOptions, type LinksOptions } from './links.js';
import type { PeerOptions } from './cli-output.js';
import { TransferLog } from './transfer-log.js';

interface SendOptions extends PeerOptions, LinksOptions {
  readonly to: string;
  readonly name: string;
  readonly window: number;
  readonly json?: boolean;
}

export function sendCommand(program: Command): void {
  const command = program
    .command('send')
    .description('sends files to a `receive`, verified by SHA-256; after a crash, the same command continues the transfer')
    .argument('<file...>', 'the files to send; - is standard input')
    .requiredOption('--to <addr>', 'the address of `receive`; it may start later', addressOf('dial'))
    .option('--name <name>', 'the file name for standard input at the receiver', 'stdin')
    .addOption(windowOption('dial'))
    .option('--json', 'print one JSON object per line, the summary last');
  withPeerOptions(withLinksOptions(command, 'dial')).action(async (paths: readonly string[], options: SendOptions) => {
    checkPipeName(paths, options.name, command.getOptionValueSource('name') === 'cli');
    await send(paths, options, new Output(options.json ?? false));
  });
}

/** The receiver would refuse it after all the waiting, and a name without a use is a mistake. */
function checkPipeName(paths: readonly string[], name: string, isGiven: boolean): void {
  if (!isGiven) return;
  if (!paths.includes('-')) throw new Misuse('--name: expected standard input (-) among the files; files keep their own names');
  const fault = faultOf(name);
  if (fault !== undefined) throw new Misuse(`--name: expected the name of a file, got ${JSON.stringify(name)}: ${fault}`);
}

async function send(paths: readonly string[], options: SendOptions, output: Output): Promise<void> {
  const protocols = [dialedProtocol(options, options)];
  const sources = await sourcesOf(paths, options.name);
  const watch = new LinkWatch();
  const engine = await openEngine({ dial: [options.to], protocols, inspect: watch.inspect }, options, output);
  const log = new TransferLog(output, engine, watch, 'sent');
  const reconnecting = new ReconnectingSession(engine, options.to, {
    waiting: (closing) => log.waiting(options.to, closing),
    opened: () => log.connected(options.to),
  });
  const stopListening = onInterrupt(async () => {
    await log.stop();
    await reconnecting.stop({ now: true });
    await engine.shutdown({ deadlineMs: 3000 });
  });
  try {
    const kept = reconnecting.run();
    await Promise.race([deliver(reconnecting, sources, options, log), kept.then(() => new Promise<never>(() => {}))]);
    await reconnecting.stop({ graceMs: GRACE_MS });
    await log.summarize();
  } finally {
    if (paths.includes('-')) process.stdin.destroy(); // A process that still writes to it would keep this one alive.
    await log.stop();
    await engine.shutdown({ deadlineMs: 3000 });
    stopListening();
  }
}

/** Everything is confirmed: don't wait longer for a receiver that left without a goodbye. Equals a connection's own grace. */
const GRACE_MS = 3000;

/** Sends until everything is confirmed, over as many sessions as it takes. */
async function deliver(
  reconnecting: ReconnectingSession,
  sources: readonly Source[],
  options: SendOptions,
  log: TransferLog,
): Promise<void> {
  const confirmed = new Set<string>();
  for (;;) {
    const session = await withSession(reconnecting, options);
    try {
      await sendFiles(session, sources, {
        progress: (progress) => log.progress(progress),
        // After a broken attempt the receiver confirms again the files that it has.
        sent: (file) => {
          if (confirmed.has(file.name)) return;
          confirmed.add(file.name);
          log.done(file);
        },
      });
      return;
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      if (error.cause === undefined) throw new Failed(WHY[error.code] ?? error.message, undefined, { cause: error });
      await session.closed;
      log.broken(error.message);
    }
  }
}

const WHY: Readonly<Record<string, string>> = {
  'unknown-purpose': 'The other side is no `holdfast receive`. Check the address.',
  cancelled: 'The receiver cancelled the transfer; another sender may have sent the same file.',
};

async function withSession(reconnecting: ReconnectingSession, { window, to }: SendOptions): Promise<StreamSession> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), window);
  try {
    return await reconnecting.opened(patience.signal);
  } catch (error) {
    throw new Failed(
      `${to}: no receiver answered within ${window / 1000} s`,
      'Start `holdfast receive` there, check the address, or wait longer with --window.',
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Files that are checked concurrently, before anything is sent. */
const LOOKING_MAX = 64;

async function sourcesOf(paths: readonly string[], pipeName: string): Promise<readonly Source[]> {
  const names = new Set<string>();
  for (const path of paths) {
    const name = path === '-' ? pipeName : basename(path);
    if (names.has(name)) throw new Misuse(`${path}: two files have the name ${name}; send them one after the other`);
    names.add(name);
  }
  const sources = new Array<Source>(paths.length);
  let next = 0;
  const look = async (): Promise<void> => {
    for (let i; (i = next++) < paths.length;) {
      const path = paths[i]!;
      if (path === '-') sources[i] = new PipeSource(process.stdin, pipeName);
      else
        sources[i] = await FileSource.of(path, basename(path)).catch((error: Error) => Promise.reject(new Misuse(error.message)));
    }
  };
  await Promise.all(Array.from({ length: LOOKING_MAX }, look));
  return sources;
}
