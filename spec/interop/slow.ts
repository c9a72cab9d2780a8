/**
 * Whether what takes minutes runs: in CI, or with SLOW=1. Otherwise it says so in one line, for nothing may be skipped in silence.
 */
export function slow(): boolean {
  const isWanted = Boolean(process.env['CI'] ?? process.env['SLOW']);
  if (!isWanted) process.stderr.write('skipped: tests in real time, 70 s (SLOW=1 runs them)\n');
  return isWanted;
}
