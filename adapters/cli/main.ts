#!/usr/bin/env node
import { runProgram } from './program.js';

/** The command line. Exit codes: 0 done, 1 failed, 2 misused. */
process.exitCode = await runProgram(process.argv.slice(2));
