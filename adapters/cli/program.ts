import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { certCommand } from './cert.js';
import { demoCommand } from './demo.js';
import { drawCommand } from './draw.js';
import { inspectCommand } from './inspect.js';
import type { Inspector } from './inspector.js';
import { closeInspector, endRecording, prepareRecording, withRecordOptions } from './recording.js';
import { rendezvousCommand } from './rendezvous.js';
import { receiveCommand } from './receive.js';
import { sendCommand } from './send.js';
import { nearest } from './nearest.js';
import { failureOf, Misuse, onInterrupt, Output, wasInterrupted } from './cli-output.js';
import { ignoreBrokenPipes } from './output.js';
import { shipCommand } from './ship.js';
import { tunnelCommand } from './tunnel.js';
import { ownVersion } from './version.js';

/** The command line with all of its commands. */
export function makeProgram(): Command {
  const program = new Command('holdfast')
    .description('Network sessions that survive lost connections, with each message delivered once and in order.')
    .exitOverride() // Inherited by the commands below: `runProgram` gets the errors.
    .showHelpAfterError('(--help lists commands and options)')
    .version(ownVersion(), '--version', 'print the version')
    .usage('<command> [options]');
  demoCommand(program);
  tunnelCommand(program);
  sendCommand(program);
  receiveCommand(program);
  rendezvousCommand(program);
  certCommand(program);
  shipCommand(program);
  drawCommand(program);
  inspectCommand(program);
  for (const command of program.commands) if (!RUNS_NO_ENGINE.includes(command.name())) withRecordOptions(command);
  return program;
}

const RUNS_NO_ENGINE = ['cert', 'draw', 'inspect'];

/** Runs one command; `inspector` was opened before, for it. Returns the exit code: 0 done, 1 failed, 2 misused. */
export async function runProgram(words: readonly string[], inspector?: Inspector): Promise<number> {
  ignoreBrokenPipes();
  const end = async (): Promise<void> => {
    endRecording();
    await closeInspector();
    await inspector?.close();
  };
  const stopListening = onInterrupt(end); // Behind what the command itself has to end.
  try {
    const program = makeProgram();
    program.hook('preAction', (_, command) => prepareRecording(command, inspector));
    refuseUnknown(program, words);
    await program.parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (wasInterrupted()) return 1;
    const output = new Output(words.includes('--json'));
    if (!(error instanceof CommanderError) || error instanceof InvalidArgumentError) {
      const failure = failureOf(error);
      output.fail(failure);
      return failure.exitCode;
    }
    if (error.exitCode === 0) return 0; // Help is no error.
    const hint = error.code === 'commander.missingMandatoryOptionValue' ? misspelt(words) : undefined;
    if (hint !== undefined) process.stderr.write(`(${hint})\n`);
    const message = HELP_CODES.includes(error.code) ? 'expected a command' : error.message;
    output.tell({ failed: 'misuse', message: hint === undefined ? message : `${message} (${hint})` }); // Commander printed it.
    return 2;
  } finally {
    await end();
    stopListening();
  }
}

/** Commander throws these after it has printed the help. */
const HELP_CODES = ['commander.help', 'commander.helpDisplayed'];

/** Refuses an unknown command and suggests the nearest name, which commander does not. */
function refuseUnknown(program: Command, words: readonly string[]): void {
  const [name] = words;
  if (name === undefined || name.startsWith('-')) return;
  const isAsking = name === 'help';
  let command = program;
  const path = ['holdfast'];
  // Commander finds unknown commands below a known one by itself, but not in a request for help about them.
  for (const word of isAsking ? words.slice(1) : [name]) {
    if (word.startsWith('-')) return;
    const names = command.commands.map((each) => each.name());
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) {
      if (names.length === 0) return;
      const meant = nearest(word, command === program ? [...names, 'help'] : names);
      const suggestion = meant === undefined ? '' : ` Did you mean \`${[...path, meant].join(' ')}\`?`;
      throw new Misuse(`${word}: unknown command; \`${path.join(' ')} --help\` lists the commands.${suggestion}`);
    }
    path.push(word);
    command = next;
  }
}

/** Commander reports a missing required option before it finds the misspelt one. */
function misspelt(words: readonly string[]): string | undefined {
  let command = makeProgram();
  for (const word of words) command = command.commands.find((each) => each.name() === word) ?? command;
  const flags = command.options.flatMap(({ long }) => long ?? []);
  const given = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*$/, ''));
  const wrong = given.find((flag) => !flags.includes(flag));
  const meant = wrong === undefined ? undefined : nearest(wrong, flags);
  return meant === undefined ? undefined : `unknown option ${wrong}. Did you mean ${meant}?`;
}
