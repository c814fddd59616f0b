// Runs the tests under node:test. `node --test` expands no globs on Node 20, so the files are listed here.
// usage: npm test [-- FOLDER-OR-FILE-PART …] [--only-name PATTERN]
import { spawnSync } from 'node:child_process';
import { globSync } from './glob.mjs';

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const files = globSync('test', '.test.ts').filter(
  (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(', ')}`);
  process.exit(1);
}
const options = [
  // In a log, too: what failed is told once more at the end.
  '--test-reporter=spec',
  '--test-concurrency=2',
  // A file that never ends fails, by name, instead of the whole run.
  '--test-timeout=420000',
];
const run = spawnSync(process.execPath, ['--import', 'tsx', '--test', ...options, ...flags, ...files], {
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
