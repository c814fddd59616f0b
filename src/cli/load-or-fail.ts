import { type ConfigSource, type LoadedConfig, loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { CommandFailure } from './command-failure.ts';

type Usable = Extract<LoadedConfig, { readonly ok: true }>;

/** Fails with every problem of the configuration, a line each. */
export function loadOrFail(source: ConfigSource): Usable {
  return usableOrFail(loadConfig(source));
}

export function usableOrFail(loaded: LoadedConfig): Usable {
  if (!loaded.ok) throw new CommandFailure(loaded.problems.map(formatProblem).join('\n'));
  return loaded;
}

export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}
