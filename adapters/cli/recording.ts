import type { Command } from 'commander';
import type { Engine } from '../index.js';
import type { Recorder } from '../../visualizer/recording/recorder.js';
import { Misuse } from './failures.js';
import { Output } from './output.js';

/** The recording of this process: `--record` is an option of each command that runs an engine. */
let recorder: Recorder | undefined;

/** Adds `--record` to a command and to the commands below it. */
export function withRecordOption(command: Command): void {
  for (const each of command.commands) withRecordOption(each);
  if (command.commands.length > 0) return;
  command.option('--record <file>', 'write what the sessions do, step by step, to this file; `holdfast inspect` reads it');
}

/** Begins the recording that the command is asked for, before it runs. */
export async function beginRecording(command: Command): Promise<void> {
  const { record, json = false } = command.opts<{ readonly record?: string; readonly json?: boolean }>();
  if (record === undefined) return;
  const above = command.parent?.parent == null ? '' : `${command.parent.name()} `;
  await open(record, `${above}${command.name()}`, json); // Without its arguments, which may hold a payload.
}

async function open(path: string, label: string, isJson: boolean): Promise<void> {
  // Loaded only where a recording is asked for.
  const [{ ports }, { createRecorder }, { RecordingFile }] = await Promise.all([
    import('../node.js'),
    import('../../visualizer/recording/recorder.js'),
    import('../../visualizer/recording-file.js'),
  ]);
  const onError = ({ message }: Error): void =>
    new Output(isJson).warn(`--record: can't write ${path} any more: ${message}; the recording ends here, the command goes on`);
  let file;
  try {
    file = new RecordingFile(path, { onError });
  } catch (error) {
    throw new Misuse(`--record: can't write ${path}: ${(error as Error).message}`);
  }
  recorder = createRecorder(ports.clock, file, { label: `holdfast ${label}` });
}

/** Records an engine, where a recording was asked for. `name` tells several apart. */
export function recordEngine(engine: Engine, name?: string): void {
  recorder?.add(engine, name);
}

/** The command is over. */
export function endRecording(): void {
  recorder?.stop();
  recorder = undefined;
}
