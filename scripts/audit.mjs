// Counts what the package brings along, and asks the registry whether any of it has a known hole (npm run audit).
// Fails for holes that are high or critical; a registry that answers no audits is no failure, but is said.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const own = Object.entries(packages).filter(([path, { dev, optional }]) => path !== '' && !dev && !optional);
console.log(`${own.length} packages at run time`);

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  timeout: 120_000,
});
const counts = countsOf(stdout ?? '');
if (counts === undefined) {
  console.log('NOT AUDITED: the registry answers no audits');
} else {
  console.log(
    `known holes: ${Object.entries(counts)
      .map(([severity, count]) => `${count} ${severity}`)
      .join(', ')}`,
  );
  if (counts.high + counts.critical > 0) process.exitCode = 1;
}

function countsOf(output) {
  try {
    return JSON.parse(output).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}
