/**
 * Prints the closing line `N passed, N failed` from Jest's JSON reports, and exits non-zero when anything failed.
 *
 * Usage: node summary.cjs STATUS REPORT…, where STATUS is the exit code of the command that should have written the reports.
 * A suite that could not run counts as one failure, and so does a command that failed without a failing test (a build, type
 * or lint error, or a handle left open): the line never says "0 failed" when something did fail. A report that is missing or
 * holds no test is a failure too.
 */
const { readFileSync } = require('node:fs');

const [status = '1', ...paths] = process.argv.slice(2);
const reports = paths.map(readReport);
const count = (...fields) =>
  reports.reduce((sum, report) => sum + fields.reduce((own, field) => own + (report[field] ?? 0), 0), 0);

const passed = count('numPassedTests');
const skipped = count('numPendingTests', 'numTodoTests');
const isWhole = reports.length > 0 && reports.every((report) => (report.numPassedTests ?? 0) > 0);
let failed = count('numFailedTests', 'numRuntimeErrorTestSuites');
if (failed === 0 && (status !== '0' || !isWhole)) failed = 1;

for (const line of reports.flatMap(failures)) console.log(line);
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
