// Runs the micro-benchmarks one after the other. usage: npm run bench:micro [-- FILE-PART …]
import { spawnSync } from 'node:child_process';
import { globSync } from './glob.mjs';

const wanted = process.argv.slice(2);
const files = globSync('bench/micro', '.ts').filter(
  (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
if (files.length === 0) {
  console.error(`no micro-benchmark matches ${wanted.join(', ')}`);
  process.exit(1);
}
for (const file of files) {
  console.log(`\n${file}`);
  const run = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', file], { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
