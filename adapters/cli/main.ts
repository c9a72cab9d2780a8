#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { certCommand } from './cert.js';
import { demoCommand } from './demo.js';
import { drawCommand } from './draw.js';
import { Misuse } from './shared.js';

/** The command line. Exit codes: 0 done, 1 failed, 2 misused. */
const NOT_YET = ['ship', 'inspect', 'testgen', 'check', 'bench', 'tunnel', 'send', 'receive'];

const program = new Command('holdfast')
  .description('Sessions that hold: nothing lost, doubled or reordered, whatever happens to the connection.')
  .exitOverride();
demoCommand(program);
certCommand(program);
drawCommand(program);
for (const command of program.commands) command.exitOverride();

try {
  const [name] = process.argv.slice(2);
  if (name !== undefined && NOT_YET.includes(name) && !program.commands.some((command) => command.name() === name)) {
    throw new Misuse(`${name}: not in this version`);
  }
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Misuse ? 2 : 1;
  }
}
