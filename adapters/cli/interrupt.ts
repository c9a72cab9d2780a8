/** Exit within this time of SIGINT or SIGTERM, whatever happens. */
const GRACE_MS = 10_000;

let wasAsked = false;

/** Whether the command is being ended from outside: what then fails in it is no news. */
export function wasInterrupted(): boolean {
  return wasAsked;
}

/**
 * SIGINT and SIGTERM end a command gracefully within 10 s, then by force; a second one ends it at once. The exit code is 1: it
 * did not do what it was asked for; a command that has no end of its own says otherwise. Returns how to stop listening.
 */
export function onInterrupt(stop: () => Promise<unknown>, exitCode: () => 0 | 1 = () => 1): () => void {
  const interrupt = (): void => {
    if (wasAsked) process.exit(1);
    wasAsked = true;
    process.exitCode = 1;
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    stop().then(
      () => process.exit(exitCode()),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return () => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
}
