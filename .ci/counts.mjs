import { readFileSync } from "node:fs";

// Prints `passed failed skipped` of a vitest JSON report; a test file that did not load counts as one failure.
const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const broken = report.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
).length;
const skipped = report.numPendingTests + (report.numTodoTests ?? 0);
console.log(report.numPassedTests, report.numFailedTests + broken, skipped);
