/** Prints the last line of .ci/run and exits as the tests did: node scripts/ci-summary.mjs COUNTS-FILE EXIT-CODE */
import { readFileSync } from 'node:fs';

const [file, code] = process.argv.slice(2);
const status = Number(code);

/** Mocha's counts, or undefined when it did not get to its end. */
function readCounts() {
  try {
    const { passes, failures, pending } = JSON.parse(readFileSync(file, 'utf8'));
    return { passes, failures, pending };
  } catch {
    return undefined;
  }
}

let counts = readCounts();
if (counts === undefined) {
  const why = status === 124 || status === 137 ? 'the time was up' : `exit code ${status}`;
  console.error(`The tests did not get to their end (${why}); that counts as one failure.`);
  counts = { passes: 0, failures: 1, pending: 0 };
} else if (status !== 0 && counts.failures === 0) {
  console.error(
    `All tests passed, but their process ended with exit code ${status}; that counts as one failure.`,
  );
  counts = { ...counts, failures: 1 };
}
console.log(`${counts.passes} passed, ${counts.failures} failed, ${counts.pending} skipped`);
process.exitCode = counts.failures > 0 ? 1 : 0;
