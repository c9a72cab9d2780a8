/** What a run of a world came to. No `violations` is good; its seed makes the same run again. */
export interface Report<Counts = Readonly<Record<string, number>>> {
  readonly seed: number;
  /** Everything that must not have happened, in words; empty is good. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly counts: Counts;
}

/** Writes a line into a trace, which keeps the latest ones. */
export function note(trace: string[], line: string, atMs: number, linesMax: number): void {
  if (trace.length >= linesMax) trace.shift();
  trace.push(`${String(atMs).padStart(8)} ${line}`);
}

/** The first line of what was thrown: the violation that ended a run. */
export function inWords(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}
