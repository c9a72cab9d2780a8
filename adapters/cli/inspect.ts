import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Failed, millisecondsOf, Misuse, Output } from './cli-output.js';

interface InspectOptions {
  readonly text: true;
  readonly session?: string;
  readonly since?: number;
  readonly json?: boolean;
}

export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('tells what a recording shows: each transition, the event that led to it, and its cause')
    .argument('<file>', 'a recording, as --record writes it')
    .requiredOption('--text', 'print one line per transition')
    .option('--session <text>', 'only sessions whose id or peer contains this')
    .option('--since <time>', 'only from this time after the beginning on, e.g. 12.5s', millisecondsOf)
    .option('--json', 'print one JSON object per line, the summary last')
    .action(async (file: string, options: InspectOptions) => {
      await inspect(file, options, new Output(options.json ?? false, true));
    });
}

async function inspect(file: string, { session, since }: InspectOptions, output: Output): Promise<void> {
  const content = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Misuse(`can't read ${file}: ${error.message}`);
  });
  // Loaded only here: the schema library is slow to load.
  const [{ readRecording, RecordingError }, { storyOf }] = await Promise.all([
    import('../../visualizer/reader/index.js'),
    import('../../visualizer/recording/story.js'),
  ]);
  let read;
  try {
    read = readRecording(content);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new Failed(`${file}: ${error.message}`, 'Expected a file that --record has written.');
  }
  const { recording, warning, unknownLines } = read;
  if (warning !== undefined) output.warn(`${file}: ${warning}`);
  if (unknownLines > 0) output.warn(`${file}: ${unknownLines} lines of types that this version doesn't know were left out`);
  let told = 0;
  for (const { line, text } of storyOf(recording, { session, sinceMs: since })) {
    told++;
    output.tell(line);
    output.say(text);
  }
  if (told === 0) output.say('Nothing matches.');
  const { label, product } = recording.header;
  output.tell({ label, product, told, lines: recording.lines.length, ...(warning !== undefined && { warning }) });
}
