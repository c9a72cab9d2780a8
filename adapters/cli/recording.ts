import type { Command } from 'commander';
import type { Engine } from '../index.js';
import type { RendezvousNode } from '../rendezvous/index.js';
import type { Recorder } from '../../visualizer/recording/recorder.js';
import type { RecordingSink } from '../../visualizer/recording/turn.js';
import { Misuse } from './failures.js';
import { announce, openInspector, type Inspector } from './inspector.js';
import { Output } from './output.js';
import { wholeOf } from './parse.js';

export interface RecordOptions {
  readonly record?: string;
  /** The port of the inspector; true for any free one. */
  readonly inspect?: number | true;
  readonly json?: boolean;
}

/** Adds `--record` and `--inspect` to a command and to the commands below it. */
export function withRecordOptions(command: Command): void {
  for (const each of command.commands) withRecordOptions(each);
  if (command.commands.length > 0) return;
  command
    .option('--record <file>', 'write what the sessions do, step by step, to this file; `holdfast inspect` reads it')
    .option('--inspect [port]', 'show the sessions live in a browser of this machine', wholeOf(0, 65_535));
}

/** The recording of this process. Like signals and standard output it is one for the process: engines are made deep inside of commands. */
let current: CommandRecording | undefined;

/** Notes what the command is asked to record. It begins with the first engine: a command line that is wrong leaves nothing behind. */
export function prepareRecording(command: Command, ahead: Inspector | undefined): void {
  const options = command.opts<RecordOptions>();
  if (options.record === undefined && options.inspect === undefined) return;
  const above = command.parent?.parent == null ? '' : `${command.parent.name()} `;
  current = new CommandRecording(options, `holdfast ${above}${command.name()}`, ahead); // Without its arguments, which may hold a payload.
}

/**
 * Records an engine that has not started, where a recording was asked for. `name` tells several apart.
 *
 * @throws Misuse where the file can't be written, Failed where the page's port is taken
 */
export async function recordEngine(engine: Engine, name?: string): Promise<void> {
  (await current?.recorder())?.add(engine, name);
}

/** The same for the node above an engine: its phases are a chart of their own. */
export async function recordNode({ engine, actor }: RendezvousNode, name: string): Promise<void> {
  const recorder = await current?.recorder();
  recorder?.add(engine, name);
  recorder?.addActor(actor, `phases of ${name}`);
}

/** The page of this command, if one was asked for and an engine is recorded. */
export function shownInspector(): Inspector | undefined {
  return current?.page;
}

/** The engines of the command have ended: pages keep what they have seen. */
export function endRecording(): void {
  current?.stop();
}

/** The command is over, and so is its page. */
export async function closeInspector(): Promise<void> {
  await current?.page?.close();
  current = undefined;
}

class CommandRecording {
  page: Inspector | undefined;
  #recorder: Recorder | undefined;

  constructor(
    readonly options: RecordOptions,
    readonly label: string,
    /** Opened and announced before the command was loaded. */
    readonly ahead: Inspector | undefined,
  ) {}

  async recorder(): Promise<Recorder> {
    if (this.#recorder !== undefined) return this.#recorder;
    const { record, inspect, json = false } = this.options;
    // Loaded only where a recording is asked for.
    const [{ ports }, { createRecorder }] = await Promise.all([
      import('../node.js'),
      import('../../visualizer/recording/recorder.js'),
    ]);
    // Both can fail: no file is begun where there is no page, and no page is announced where there is no file.
    if (inspect !== undefined) this.page = this.ahead ?? (await openInspector(inspect === true ? 0 : inspect));
    const sinks: RecordingSink[] = this.page === undefined ? [] : [this.page.feed];
    if (record !== undefined) sinks.push(await fileSink(record, json));
    if (this.page !== undefined && this.ahead === undefined) announce(this.page, new Output(json, true));
    return (this.#recorder = createRecorder(ports.clock, sinks.length === 1 ? sinks[0]! : both(sinks), { label: this.label }));
  }

  stop(): void {
    this.#recorder?.stop();
  }
}

async function fileSink(path: string, isJson: boolean): Promise<RecordingSink> {
  const { RecordingFile } = await import('../../visualizer/recording-file.js');
  const onError = ({ message }: Error): void =>
    new Output(isJson).warn(`--record: can't write ${path} any more: ${message}; the recording ends here, the command goes on`);
  try {
    return new RecordingFile(path, { onError });
  } catch (error) {
    throw new Misuse(`--record: can't write ${path}: ${(error as Error).message}`);
  }
}

function both(sinks: readonly RecordingSink[]): RecordingSink {
  return {
    write: (line, session) => sinks.forEach((sink) => sink.write(line, session)),
    endedBadly: (session) => sinks.forEach((sink) => sink.endedBadly?.(session)),
    end: () => sinks.forEach((sink) => sink.end?.()),
  };
}
