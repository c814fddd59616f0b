import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const sourceFolder = import.meta.dirname;
const buildFolder = join(sourceFolder, '../../build/bench');
const program = join(buildFolder, 'load');

/** The path of the native load program, compiled if it is older than its sources. */
export function nativeLoad(): string {
  const builtMs = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const files = readdirSync(sourceFolder).filter((name) => /\.(cc|h)$/.test(name));
  const paths = files.map((name) => join(sourceFolder, name));
  if (paths.every((path) => statSync(path).mtimeMs < builtMs)) return program;
  mkdirSync(buildFolder, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const flags = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror'];
  const built = spawnSync(
    'c++',
    [...flags, ...paths.filter((path) => path.endsWith('.cc')), '-o', unfinished],
    { encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(`the load is not built: ${built.error?.message ?? built.stderr}`);
  renameSync(unfinished, program);
  return program;
}
