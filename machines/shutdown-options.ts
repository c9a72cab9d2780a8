/** How long a shutdown may take, and over how long a staggered drain sends peers away. Milliseconds. */
export interface ShutdownOptions {
  readonly deadlineMs?: number;
  readonly drainOverMs?: number;
}
