#!/usr/bin/env node
import { CommanderError } from 'commander';

import { CommandFailure, WrongUsage } from './command-failure.ts';

const failed = 1;
const wrongUsage = 2;

// `sluice schema | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  // Not before: where there are too few descriptors to load it, that can be said here.
  const { createProgram } = await import('./program.ts');
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Tells what went wrong on stderr; the exit code. */
function report(error: unknown): number {
  // Commander has printed its own errors, and the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
  process.stderr.write(`${error instanceof CommandFailure ? error.message : `sluice: ${oneLine(error)}`}\n`);
  return error instanceof WrongUsage ? wrongUsage : failed;
}

function oneLine(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EMFILE') {
    return 'too many open files (EMFILE); raise the limit (ulimit -n, or LimitNOFILE in a systemd unit)';
  }
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
}
