import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { commandLine } from './proxy.ts';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stderr. */
  readonly errors: readonly string[];
}

/** Runs `sluice` to its end, with `input` on its standard input. */
export async function runSluice(args: readonly string[], input = ''): Promise<CommandResult> {
  const child = spawn(process.execPath, [...commandLine, ...args], { stdio: 'pipe' });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr, errors: stderr.split('\n').filter((line) => line !== '') };
}
