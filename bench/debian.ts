import { type SpawnSyncOptions, spawnSync } from 'node:child_process';

/** As root, on Debian or one of its children. Throws where apt-get fails. */
export function installPackages(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
}

/** To its end; what it printed, where that is piped. */
export function run(command: string, words: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, error } = spawnSync(command, words, { stdio: 'inherit', ...options });
  if (status === 0) return stdout?.toString() ?? '';
  throw new Error(
    `${command} ${words[0]}: ${error?.message ?? `exit ${status}`}; it needs root, and Debian or one of its children`,
  );
}
