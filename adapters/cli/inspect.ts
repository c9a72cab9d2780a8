import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ReadRecording } from '../../visualizer/reader/index.js';
import { Failed, millisecondsOf, Misuse, onInterrupt, Output, wholeOf } from './cli-output.js';
import { followPage } from './inspect-live.js';

interface InspectOptions {
  readonly text?: true;
  readonly session?: string;
  readonly since?: number;
  readonly port?: number;
  readonly json?: boolean;
}

export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('shows a recording in a browser, or tells each transition, the event that led to it, and its cause')
    .argument('<source>', 'a recording, as --record writes it, or the URL that --inspect prints, which is followed as text')
    .option('--text', 'print one line per transition instead of serving a page')
    .option('--session <text>', 'with --text: only sessions whose id or peer contains this')
    .option('--since <time>', 'with --text: only from this time after the beginning on, e.g. 12.5s', millisecondsOf)
    .option('--port <n>', 'the port of the page (default: any free one)', wholeOf(0, 65_535))
    .option('--json', 'print one JSON object per line, the summary last')
    .action(async (source: string, options: InspectOptions) => {
      const output = new Output(options.json ?? false, true);
      const isLive = /^https?:/.test(source);
      const isText = isLive || options.text === true;
      if (isText && options.port !== undefined) throw new Misuse('--port is that of a page; expected a file without --text');
      if (!isText && (options.session !== undefined || options.since !== undefined))
        throw new Misuse('--session and --since need --text; the page has a search');
      if (isLive) return followPage(source, options, output);
      const read = await readFrom(source, output);
      if (isText) return tell(read, options, output);
      await show(source, read, options, output);
    });
}

/** Serves the page until it is interrupted. */
async function show(file: string, { recording }: ReadRecording, { port = 0 }: InspectOptions, output: Output): Promise<void> {
  const { serveRecording } = await import('../../visualizer/server/index.js');
  const lines = [recording.header, ...recording.lines].map((line) => JSON.stringify(line));
  const { url, close } = await serveRecording(lines, { port }).catch((error: Error) => {
    throw new Failed(`--port: ${error.message}`);
  });
  // Before the line that has the address: its reader may send a signal at once.
  onInterrupt(close, () => 0);
  output.tell({ event: 'inspect', url, lines: recording.lines.length });
  output.say(`${file}: ${url}`);
  output.say('The page stays until Ctrl-C.');
  await new Promise<never>(() => {});
}

async function readFrom(file: string, output: Output): Promise<ReadRecording> {
  const content = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Misuse(`can't read ${file}: ${error.message}`);
  });
  // Loaded only here: the schema library is slow to load.
  const { readRecording, RecordingError } = await import('../../visualizer/reader/index.js');
  try {
    const read = readRecording(content);
    if (read.warning !== undefined) output.warn(`${file}: ${read.warning}`);
    if (read.unknownLines > 0)
      output.warn(`${file}: ${read.unknownLines} lines of types that this version doesn't know were left out`);
    return read;
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new Failed(`${file}: ${error.message}`, 'Expected a file that --record has written.');
  }
}

async function tell({ recording, warning }: ReadRecording, { session, since }: InspectOptions, output: Output): Promise<void> {
  const { storyOf } = await import('../../visualizer/recording/story.js');
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
