import type { Command } from 'commander';
import type { Engine } from '../index.js';
import type { Recorder } from '../../visualizer/recording/recorder.js';
import type { RecordingSink } from '../../visualizer/recording/turn.js';
import { Misuse } from './failures.js';
import { announce, openInspector, type Inspector } from './inspector.js';
import { Output } from './output.js';
import { wholeOf } from './parse.js';

/** The recording of this process, and the page that shows it: `--record` and `--inspect` are options of each command that runs an engine. */
let recorder: Recorder | undefined;
let shown: Inspector | undefined;

interface RecordOptions {
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

/** Begins the recording that the command is asked for, before it runs. `ahead` was opened for it before. */
export async function beginRecording(command: Command, ahead: Inspector | undefined): Promise<void> {
  const above = command.parent?.parent == null ? '' : `${command.parent.name()} `;
  await begin(command.opts<RecordOptions>(), `holdfast ${above}${command.name()}`, ahead); // Without its arguments, which may hold a payload.
}

async function begin(
  { record, inspect, json = false }: RecordOptions,
  label: string,
  ahead: Inspector | undefined,
): Promise<void> {
  if (record === undefined && inspect === undefined) return;
  // Loaded only where a recording is asked for.
  const [{ ports }, { createRecorder }] = await Promise.all([
    import('../node.js'),
    import('../../visualizer/recording/recorder.js'),
  ]);
  const sinks: RecordingSink[] = [];
  if (record !== undefined) sinks.push(await fileSink(record, json));
  if (inspect !== undefined) {
    shown = ahead ?? (await openInspector(inspect === true ? 0 : inspect));
    if (ahead === undefined) announce(shown, new Output(json, true));
    sinks.push(shown.feed);
  }
  recorder = createRecorder(ports.clock, sinks.length === 1 ? sinks[0]! : both(sinks), { label });
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

/** Records an engine, where a recording was asked for. `name` tells several apart. */
export function recordEngine(engine: Engine, name?: string): void {
  recorder?.add(engine, name);
}

/** The page of this command, if one was asked for. */
export function shownInspector(): Inspector | undefined {
  return shown;
}

/** The engines of the command have ended: pages keep what they have seen. */
export function endRecording(): void {
  recorder?.stop();
  recorder = undefined;
}

/** The command is over, and so is its page. */
export async function closeInspector(): Promise<void> {
  await shown?.close();
  shown = undefined;
}
