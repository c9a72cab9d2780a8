#!/usr/bin/env node
import { inspectorAhead } from './inspector.js';

/** The command line. Exit codes: 0 done, 1 failed, 2 misused. */
const words = process.argv.slice(2);
const inspector = await inspectorAhead(words);
const { runProgram } = await import('./program.js');
process.exitCode = await runProgram(words, inspector);
