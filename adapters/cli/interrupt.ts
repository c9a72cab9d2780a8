/** Exit within this time of SIGINT or SIGTERM, whatever happens. */
const GRACE_MS = 10_000;

let wasAsked = false;

/** Whether a signal ends the command: failures after it are not reported. */
export function wasInterrupted(): boolean {
  return wasAsked;
}

interface Stop {
  readonly stop: () => Promise<unknown>;
  readonly exitCode: () => 0 | 1;
}
const stops: Stop[] = [];

function interrupt(): void {
  if (wasAsked) process.exit(1);
  wasAsked = true;
  process.exitCode = 1;
  setTimeout(() => process.exit(1), GRACE_MS).unref();
  const { exitCode } = stops.at(-1)!;
  stopAll().then(
    () => process.exit(exitCode()),
    () => process.exit(1),
  );
}

/** The handler that was added last is called first. */
async function stopAll(): Promise<void> {
  for (const { stop } of [...stops].reverse()) await stop();
}

/**
 * SIGINT and SIGTERM end a command gracefully within 10 s, then by force; a second one ends it at once. The exit code is 1, unless
 * `exitCode` says otherwise, as for a command that runs until it is interrupted. Returns a function that stops listening.
 *
 * Call it before the command prints that it is ready: a program that reads the line may send a signal at once. Of several handlers the
 * latest is called first, and its exit code counts.
 */
export function onInterrupt(stop: () => Promise<unknown>, exitCode: () => 0 | 1 = () => 1): () => void {
  const own: Stop = { stop, exitCode };
  if (stops.push(own) === 1) process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return () => {
    const at = stops.indexOf(own);
    if (at >= 0) stops.splice(at, 1);
    if (stops.length === 0) process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  };
}
