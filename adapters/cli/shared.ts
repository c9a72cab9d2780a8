import { InvalidArgumentError } from 'commander';

/** What a command was asked for that can't be: exit code 2. */
export class Misuse extends Error {}

const UNITS: Record<string, number> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

/** `64MiB`, `10KB`, `1048576` as bytes. */
export function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = match === null ? undefined : UNITS[match[2]!.toUpperCase()];
  if (match === null || unit === undefined) throw new InvalidArgumentError(`expected a size such as 64MiB, got "${text}"`);
  return Math.floor(Number(match[1]) * unit);
}

/** `60s`, `500ms`, `2m`, `1h` as milliseconds. */
export function millisecondsOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new InvalidArgumentError(`expected a time such as 60s or 500ms, got "${text}"`);
  return Math.round(Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h']);
}

/** A whole number from `min` on. */
export function wholeOf(min: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!Number.isSafeInteger(n) || n < min)
      throw new InvalidArgumentError(`expected a whole number of at least ${min}, got "${text}"`);
    return n;
  };
}

/** Lines for people, or for programs: with `--json` only objects are printed, one per line, the summary last. */
export class Output {
  constructor(readonly isJson: boolean) {
    // A reader that has seen enough (`| head`) is no error.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }

  say(line: string): void {
    if (!this.isJson) process.stdout.write(`${line}\n`);
  }
  /** One machine-readable line; nothing for people. */
  tell(value: object): void {
    if (this.isJson) process.stdout.write(`${JSON.stringify(value)}\n`);
  }
  get isTerminal(): boolean {
    return !this.isJson && process.stderr.isTTY;
  }
}

/** SIGINT and SIGTERM end a command gracefully within 10 s, then by force with exit code 1. */
export function onInterrupt(stop: () => Promise<unknown>): () => void {
  let asked = false;
  const interrupt = (): void => {
    if (asked) process.exit(1);
    asked = true;
    setTimeout(() => process.exit(1), 10_000).unref();
    void stop().finally(() => process.exit(1));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return () => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
}

/** A progress bar on a terminal, nothing elsewhere. */
export async function progressBar(
  output: Output,
  total: number,
  unit: string,
): Promise<{ update(value: number): void; stop(): void }> {
  if (!output.isTerminal) return { update: () => {}, stop: () => {} };
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar(
    { format: `{bar} {percentage} % | {value}/{total} ${unit} | {eta} s left`, etaBuffer: 100, hideCursor: true },
    progress.Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (value) => bar.update(value), stop: () => bar.stop() };
}
