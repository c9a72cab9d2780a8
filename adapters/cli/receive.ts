import type { Command } from 'commander';
import { checkTakesFiles, makeDirectory } from '../identity/directories.js';
import type { Connection } from '../index.js';
import { Receiver, StreamSession, TRANSFER_PURPOSE, TransferError, type Offer } from '../streams/index.js';
import {
  addressOf,
  Failed,
  Misuse,
  onInterrupt,
  openEngine,
  Output,
  windowOption,
  withPeerOptions,
  withVisitorOptions,
} from './cli-output.js';
import { LinkWatch, servedProtocols, withLinksOptions, type LinksOptions } from './links.js';
import type { PeerOptions } from './cli-output.js';
import { tellRefusals } from './refusals.js';
import { TransferLog } from './transfer-log.js';

interface ReceiveOptions extends PeerOptions, LinksOptions {
  readonly listen: string;
  readonly dir: string;
  readonly force?: boolean;
  readonly keep?: boolean;
  readonly window: number;
  readonly json?: boolean;
}

export function receiveCommand(program: Command): void {
  const command = program
    .command('receive')
    .description('receives the files of one `send` into a directory; renames each file once its SHA-256 matches')
    .requiredOption('--listen <addr>', 'the address to listen at: tcp://, tls://, ws:// or wss://', addressOf('listen'))
    .requiredOption('--dir <dir>', 'the directory for the files; created if it does not exist')
    .option('--force', 'replace existing files')
    .option('--keep', 'continue to receive until interrupted')
    .addOption(windowOption('listen'))
    .option('--json', 'print one JSON object per line, the summary last');
  withVisitorOptions(withPeerOptions(withLinksOptions(command, 'listen'))).action(async (options: ReceiveOptions) => {
    await receive(options, new Output(options.json ?? false));
  });
}

async function receive(options: ReceiveOptions, output: Output): Promise<void> {
  try {
    await makeDirectory(options.dir);
    await checkTakesFiles(options.dir);
  } catch (error) {
    throw new Misuse(`--dir: can't keep files in ${options.dir}: ${(error as Error).message}`);
  }
  const protocols = servedProtocols(options, options);
  const watch = new LinkWatch();
  const engine = await openEngine({ listen: [options.listen], protocols, inspect: watch.inspect }, options, output);
  const log = new TransferLog(output, engine, watch, 'received');
  tellRefusals(engine, output);
  const server = new TransferServer(options, log);
  // Before the line "Listening at …": a reader of that line may send a signal at once.
  const stopListening = onInterrupt(
    async () => {
      await engine.shutdown({ deadlineMs: FAREWELL_MS });
      await server.settled();
      await log.summarize();
    },
    () => (options.keep === true && server.broken === 0 ? 0 : 1),
  );
  output.tell({ event: 'listening', address: engine.addresses[0] });
  output.say(`Listening at ${engine.addresses[0]}; files go to ${options.dir}.`);
  void (async () => {
    for await (const connection of engine.incoming) server.serve(connection);
  })();
  try {
    await server.over;
    await log.summarize();
  } finally {
    await log.stop();
    await engine.shutdown({ deadlineMs: FAREWELL_MS });
    stopListening();
  }
}

/** The time for goodbyes of sessions: a peer that finished has sent one, and a peer that is away won't receive it. */
const FAREWELL_MS = 1000;

/** After these errors the receiver works as before: the sender asked for something impossible. */
const SENDERS_FAULT = ['bad-name', 'busy', 'malformed'];

/** All transfers of one `receive`. */
class TransferServer {
  /** Resolves when all requested transfers are done, rejects when they can't be. */
  readonly over: Promise<void>;
  /** Transfers that ended before they were complete and have not been resumed. */
  broken = 0;
  #finish!: () => void;
  #fail!: (error: Error) => void;
  readonly #underWay = new Set<Promise<void>>();
  readonly #receiver: Receiver;
  #isDone = false;

  constructor(
    readonly options: ReceiveOptions,
    readonly log: TransferLog,
  ) {
    this.over = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.#receiver = new Receiver({
      directory: options.dir,
      force: options.force ?? false,
      progress: (progress) => log.progress(progress),
      received: (file) => log.done(file),
    });
  }

  serve(connection: Connection): void {
    this.log.connected(connection.peer);
    const session = new StreamSession(connection);
    session.onOffer = (offer) => {
      if (offer.purpose !== TRANSFER_PURPOSE) return offer.refuse('unknown-purpose');
      const transfer = this.#take(offer).finally(() => {
        this.#underWay.delete(transfer);
        if (this.#isDone && this.#underWay.size === 0) this.#finish();
      });
      this.#underWay.add(transfer);
    };
  }

  /** Resolves when no transfer writes any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #take(offer: Offer): Promise<void> {
    this.broken++;
    try {
      await this.#receiver.receive(offer);
      this.broken = 0;
      this.#isDone = this.options.keep !== true;
    } catch (error) {
      if (!(error instanceof TransferError)) return this.log.broken((error as Error).message);
      if (this.options.keep === true || SENDERS_FAULT.includes(error.code)) this.log.output.warn(error.message);
      else this.#fail(new Failed(error.message, ADVICE[error.code], { cause: error }));
    }
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  exists: 'Move it away, choose another --dir, or replace it with --force.',
  'disk-full': 'Free some space and start both sides again: the transfer continues.',
  permission: 'Check the permissions of the directory.',
  'source-changed': 'Send the file again when no program writes to it.',
  digest: 'Send the file again; if it happens twice, check the disks and the memory.',
};
