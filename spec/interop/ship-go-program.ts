import { GoProgram } from './go-program.js';

const program = new GoProgram('ship-go');

/** Whether tests can run against the real ship-go; see `GoProgram.isAvailable`. */
export function shipGoAvailable(): boolean {
  return program.isAvailable();
}

/** Builds the program around ship-go where necessary, and returns the path of the binary. */
export function buildShipGo(): Promise<string> {
  return program.build();
}
