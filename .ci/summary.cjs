/**
 * Prints the closing line `N passed, N failed` from Jest's JSON report, and exits with the verdict.
 *
 * Usage: node summary.cjs REPORT STATUS, where STATUS is the exit code of the command that should have written the report.
 * A suite that could not run counts as one failure, and so does a command that failed without a failing test (a build, type
 * or lint error, or a handle left open): the line never says "0 failed" when something did fail. No test run is a failure.
 */
const { readFileSync } = require('node:fs');

const [reportPath = '', status = '1'] = process.argv.slice(2);
const report = readReport(reportPath);
const passed = report.numPassedTests ?? 0;
const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
let failed = (report.numFailedTests ?? 0) + (report.numRuntimeErrorTestSuites ?? 0);
if (failed === 0 && (status !== '0' || passed === 0)) failed = 1;

for (const line of failures(report)) console.log(line);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

function failures({ testResults = [] }) {
  return testResults.flatMap((suite) => {
    const names = suite.assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);
    if (names.length === 0 && suite.status === 'failed') names.push('(could not run)');
    return names.map((name) => `failed: ${suite.name}: ${name}`);
  });
}
