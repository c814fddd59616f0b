import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const timeout = 60_000;

/** Runs a program to its end; one that takes too long is killed, and then its code is null. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { input, env }: { readonly input?: string | Buffer; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  const child = spawn(command, args, { timeout, killSignal: 'SIGKILL', env: { ...process.env, ...env } });
  // A program may end before it has read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
  return { code: await code, stdout: stdout.toString('latin1'), stderr };
}

/** The SHA-256 of all that a program writes to stdout, with its stderr where it fails. */
export async function digestOfOutput(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 10 * timeout });
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const hash = createHash('sha256');
  const errors = text(child.stderr);
  for await (const chunk of child.stdout) hash.update(chunk);
  return (await code) === 0 ? hash.digest('hex') : await errors;
}

/** What a program writes to stdout when it is fed all of `input`. */
export async function outputFor(command: string, args: readonly string[], input: Readable): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: 10 * timeout });
  const [output] = await Promise.all([text(child.stdout), pipeline(input, child.stdin)]);
  return output;
}
