import { spawnSync } from 'node:child_process';

/** What every proxy of a run has to do: take connections on one port, and route them by server name. */
export interface Job {
  /** Empty, and the proxy's own. */
  readonly folder: string;
  readonly port: number;
  readonly workers: number;
  readonly maxConnections: number;
  readonly routes: readonly Route[];
}

export interface Route {
  readonly serverName: string;
  /** `ADDRESS:PORT` of the one endpoint. */
  readonly endpoint: string;
}

/** Somebody else's proxy, set up as its experts would for this job and nothing else. */
export interface Peer {
  readonly name: string;
  readonly packages: readonly string[];
  /** What it runs and loads, but for libraries: paths, or names of programs. */
  readonly files: readonly string[];
  /** Undefined: it is not installed. */
  version(): string | undefined;
  /** Writes its configuration into the job's folder; the command line runs it in the foreground. */
  commandLine(job: Job): readonly string[];
}

const { PATH: pathOfUser = '' } = process.env;

/** Debian puts daemons where an ordinary user's PATH does not look. */
export const daemonEnvironment = { ...process.env, PATH: `${pathOfUser}:/usr/local/sbin:/usr/sbin:/sbin` };

/** The first match of the pattern's group in what the command prints. */
export function versionFrom(command: string, flag: string, pattern: RegExp): string | undefined {
  const { stdout, stderr, error } = spawnSync(command, [flag], { env: daemonEnvironment, encoding: 'utf8' });
  return error === undefined ? (pattern.exec(stdout + stderr)?.[1] ?? 'unknown') : undefined;
}
