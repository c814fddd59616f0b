/**
 * Counts instructions where there are no counters: runs the bench in an emulated machine, whose clock goes on by a
 * nanosecond with each instruction. usage: npm run bench:instructions [-- --install | FLAGS OF npm run bench]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseFlags } from '../flags.ts';
import { type Results, writeResults } from '../report/write-results.ts';
import { projectFolder } from '../sluice.ts';
import { writeImage } from './image.ts';
import { emulator, install, kernelImage } from './requirements.ts';

/** The words that the user gives come after these, and win. What a compiler at run time needs is longer in instructions. */
const byDefault = '--only connect,echo-256,echo-1k,echo-16k --rounds 3 --seconds 1 --warm 12'.split(' ');
const memoryMb = 4_000;
const patienceMs = 2 * 3600_000;

try {
  if (process.arch !== 'x64') throw new Error('only for x64: the emulated machine is one');
  if (process.argv.includes('--install')) install();
  else await measure(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function measure(words: readonly string[]): Promise<void> {
  const kernel = kernelImage();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  try {
    const image = join(folder, 'image.cpio');
    const line = join(folder, 'results.json');
    const { baseline, output = join(projectFolder, 'build/bench/instructions') } = parseFlags(words);
    writeImage(image, baseline === undefined ? [projectFolder] : [projectFolder, resolve(baseline)]);
    await boot(kernel, image, line, [...byDefault, ...words]);
    const results = readFileSync(line, 'utf8');
    if (results === '')
      throw new Error('the emulated machine has ended without results; above is what it said');
    writeResults(output, emulated(JSON.parse(results), words));
    console.log(`results: ${output}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves when the machine has switched itself off. */
async function boot(kernel: string, image: string, line: string, words: readonly string[]): Promise<void> {
  // Nothing that a real processor does in one instruction and this one in many, where it can be helped: no string
  // instructions that count bytes one by one, no memory cleared that is written next.
  const processor = 'Skylake-Client-v1,-erms';
  const settings = 'console=ttyS0 quiet mitigations=off init_on_alloc=0 tsc=reliable panic=-1';
  const init = [`rdinit=${join(projectFolder, 'bench/emulated/init.sh')}`, `NODE=${process.execPath}`];
  const machine = spawn(
    emulator,
    [
      ...['-M', 'q35', '-accel', 'tcg,tb-size=512', '-icount', 'shift=0,sleep=off', '-cpu', processor],
      ...['-smp', '1', '-m', String(memoryMb), '-nic', 'none', '-display', 'none', '-monitor', 'none'],
      ...['-no-reboot', '-serial', 'stdio', '-serial', `file:${line}`, '-kernel', kernel, '-initrd', image],
      ...['-append', [settings, ...init, '--', ...words].join(' ')],
    ],
    { stdio: ['ignore', 'inherit', 'ignore'], timeout: patienceMs },
  );
  const [code] = await once(machine, 'close');
  if (code !== 0) throw new Error(`${emulator} ended with ${code}`);
}

/** The bench in the machine knows nothing of what is around it. */
function emulated(results: Results, words: readonly string[]): Results {
  const { stdout } = spawnSync(emulator, ['--version'], { encoding: 'utf8' });
  const [, version = 'unknown'] = /version (\S+)/.exec(stdout) ?? [];
  return {
    ...results,
    command: ['npm run bench:instructions', ...(words.length > 0 ? ['--', ...words] : [])].join(' '),
    machine: { ...results.machine, emulator: `QEMU ${version}; an instruction takes a nanosecond` },
  };
}
