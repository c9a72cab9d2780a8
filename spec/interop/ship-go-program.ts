import { GoProgram } from './go-program.js';

/** The versions of ship-go that the same program is built with. */
export const SHIP_GO_BUILDS = {
  /** The newest release, of September 2024. */
  'v0.6.0': { version: 'v0.6.0', modfile: 'go.mod' },
  /** The build of the development line that eebus-go used from July 2025 on. */
  'july-2025': { version: 'v0.0.0-20250703120135-5a60c7a2e4e5', modfile: 'go.july-2025.mod' },
} as const;
export type ShipGoBuild = keyof typeof SHIP_GO_BUILDS;

const programs: Readonly<Record<ShipGoBuild, GoProgram>> = {
  'v0.6.0': new GoProgram('ship-go', SHIP_GO_BUILDS['v0.6.0'].modfile),
  'july-2025': new GoProgram('ship-go', SHIP_GO_BUILDS['july-2025'].modfile),
};

/** Whether tests can run against the real ship-go; see `GoProgram.isAvailable`. */
export function shipGoAvailable(): boolean {
  return programs['v0.6.0'].isAvailable();
}

/** Builds the program around ship-go where necessary, and returns the path of the binary. */
export function buildShipGo(build: ShipGoBuild = 'v0.6.0'): Promise<string> {
  return programs[build].build();
}
