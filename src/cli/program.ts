import { Command } from 'commander';

import { registerCheck } from './check.ts';
import { registerDemo } from './demo.ts';
import { registerDrain } from './drain.ts';
import { registerExplain } from './explain.ts';
import { registerReload } from './reload.ts';
import { registerRestartWorkers } from './restart-workers.ts';
import { registerRun } from './run.ts';
import { registerSchema } from './schema.ts';
import { registerStatus } from './status.ts';
import { registerTop } from './top.ts';
import { registerUpgrade } from './upgrade.ts';
import { packageVersion } from './version.ts';

/**
 * The command line. Each command lives in a file of its own that exports `registerX(program)`. A command that fails
 * throws: a `CommandFailure`, or any error with a message fit for one line; wrong usage is `command.error(...)`.
 */
export function createProgram(): Command {
  const program = new Command('sluice')
    .description('A TLS-passthrough edge proxy: routes by server name without decrypting.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) })
    .exitOverride();
  registerRun(program);
  registerCheck(program);
  registerExplain(program);
  registerStatus(program);
  registerTop(program);
  registerReload(program);
  registerRestartWorkers(program);
  registerUpgrade(program);
  registerDrain(program);
  registerDemo(program);
  registerSchema(program);
  return program;
}

/** Commander puts a suggestion on a line of its own. */
function oneLine(text: string): string {
  return `${text
    .trim()
    .replace(/^error: /, 'sluice: ')
    .replace(/\s*\n\s*/g, ' ')}\n`;
}
