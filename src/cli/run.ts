import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import type { AdminServer } from '../admin/admin-server.ts';
import type { UpgradeResult } from '../admin/administered.ts';
import { parseAdminAddress } from '../config/address.ts';
import { ConfigLoader, loadFirst } from '../config/config-loader.ts';
import { snapshotFromFlags } from '../config/flags.ts';
import type { LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { AdminSnapshot, LogLevel, Snapshot } from '../config/snapshot.ts';
import { listenerAddress } from '../supervisor/bind-problem.ts';
import type { ConfigSource } from '../supervisor/config-source.ts';
import { versionOf } from '../supervisor/file-watch.ts';
import { Inheritance } from '../supervisor/handover/inheritance.ts';
import { ServiceManager } from '../supervisor/service-manager.ts';
import { type Start, Supervisor } from '../supervisor/supervisor.ts';
import { CommandFailure, WrongUsage } from './command-failure.ts';
import { usableOrFail } from './load-or-fail.ts';
import { createProcessLog } from './process-log.ts';
import { startAdmin, succeedAdmin } from './start-admin.ts';
import { stopOnSignals } from './stop-on-signals.ts';
import { succeed } from './succession.ts';

interface RunFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly route?: readonly string[];
  readonly workers?: number;
  readonly dataPlane?: Snapshot['dataPlane'];
  readonly logLevel?: LogLevel;
  readonly admin?: string;
}

export function registerRun(program: Command): void {
  program
    .command('run')
    .summary('run the proxy in the foreground')
    .description('Runs the proxy in the foreground: from a file, or from --listen and --route alone.')
    .option('-c, --config <file>', 'the configuration, YAML or JSON; - is standard input')
    .option('--listen <address>', 'without a file: listen here, as in :8443; repeatable', append)
    .option('--route <name=host:port>', 'without a file: a route, * for the default; repeatable', append)
    .addOption(new Option('--workers <count>', 'override workers').argParser(parseWorkers))
    .addOption(
      new Option('--data-plane <plane>', 'override dataPlane').choices(['auto', 'native', 'portable']),
    )
    .addOption(
      new Option('--log-level <level>', 'override log.level').choices([
        'trace',
        'debug',
        'info',
        'warn',
        'error',
      ]),
    )
    .option('--admin <address>', 'override admin.address: HOST:PORT, unix:PATH, or off')
    .addHelpText('after', examples)
    .action((flags: RunFlags, command: Command) => run(flags, command));
}

const examples = `
Examples:
  sluice run -c sluice.yaml
  sluice run --listen :8443 --route shop.example.com=192.0.2.1:8443 --route '*=192.0.2.2:8443'

SIGTERM and SIGINT drain: live connections get timeouts.drain, then exit code 0; a second signal ends at once.
SIGHUP reloads, SIGUSR1 opens log files anew, SIGUSR2 replaces the program without a connection lost.
What happens is told on stderr; stdout is the access log's.`;

async function run(flags: RunFlags, command: Command): Promise<void> {
  const inheritance = Inheritance.take();
  try {
    await runProxy(inheritance, flags, command);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    await inheritance.predecessor?.failed(problem.replaceAll(/^sluice: /gm, '').split('\n'));
    throw error;
  }
}

async function runProxy(inheritance: Inheritance, flags: RunFlags, command: Command): Promise<void> {
  const version = versionOf(flags.config ?? '');
  const loaded = usableOrFail(await load(flags, command));
  const snapshot = withOverrides(loaded.snapshot, flags);
  const log = createProcessLog(snapshot.log.level);
  for (const warning of loaded.warnings) log.warn(warning);

  const loader = new ConfigLoader();
  const observer = new ServiceManager(process.env, log, () => describe(supervisor));
  const supervisor = new Supervisor(log, { source: sourceOf(flags, loader, version), inheritance, observer });
  const stopping = stopOnSignals(supervisor, log);
  let admin: AdminServer | undefined;
  const succession = { supervisor, stopping, serviceManager: observer, admin: () => admin };
  const upgrade = async (why: string) => whyNoUpgrade(flags, log) ?? succeed(succession, why);
  process.on('SIGHUP', () => void supervisor.reload('SIGHUP'));
  process.on('SIGUSR1', () => supervisor.reopenLogs());
  process.on('SIGUSR2', () => void upgrade('SIGUSR2'));

  const surroundings = { supervisor, stopping, log, upgrade: () => upgrade('POST /upgrade') };
  const isSuccessor = inheritance.predecessor !== undefined;
  admin = await startAdmin(snapshot.admin, surroundings, isSuccessor);
  try {
    const start = await supervisor.start(snapshot);
    if (start.ok) {
      observer.serving();
      announce(start, snapshot, log);
      if (isSuccessor) admin ??= await succeedAdmin(snapshot.admin, surroundings);
    } else if (!supervisor.isStopping || isSuccessor) {
      throw new CommandFailure(start.problems.map((problem) => `sluice: ${problem}`).join('\n'));
    }
    if ((await stopping.done) === 'aborted') process.exitCode = 1;
  } finally {
    observer.close();
    await admin?.close();
    await loader.close();
  }
}

/** For `systemctl status`. */
function describe({ isStopping, connectionCount }: Supervisor): string {
  return `${isStopping ? 'draining' : 'serving'}, ${connectionCount} connections`;
}

/** Nobody could start this process's command again, or take its place. */
function whyNoUpgrade({ config }: RunFlags, log: Logger): UpgradeResult | undefined {
  const problem =
    config === '-'
      ? 'the configuration came from standard input, and cannot be read again'
      : process.pid === 1
        ? 'this is process 1, with which its container ends: start another container'
        : undefined;
  if (problem === undefined) return undefined;
  log.error({ problems: [problem] }, 'not upgraded: this process stays');
  return { ok: false, problems: [problem] };
}

async function load(flags: RunFlags, command: Command): Promise<LoadedConfig> {
  const { config, listen = [], route = [], admin } = flags;
  const hasFlags = listen.length > 0 || route.length > 0;
  if (config === undefined && !hasFlags) {
    command.error(
      'error: run needs a configuration: -c FILE, or --listen ADDRESS and --route NAME=HOST:PORT',
    );
  }
  if (config === undefined) {
    const loaded = snapshotFromFlags({ listen, route, admin: admin === 'off' ? false : admin });
    if (!loaded.ok) throw new WrongUsage(...loaded.problems.map(formatProblem));
    return loaded;
  }
  if (hasFlags)
    command.error('error: -c and --listen or --route exclude each other: name the listeners in the file');
  return loadFirst(config);
}

/** Undefined: standard input and flags cannot be read again. */
function sourceOf(flags: RunFlags, loader: ConfigLoader, version: string): ConfigSource | undefined {
  const { config: file } = flags;
  if (file === undefined || file === '-') return undefined;
  return {
    file,
    version,
    load: async (before) => {
      const loaded = await loader.load(file, before);
      if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
      return { ...loaded, snapshot: withOverrides(loaded.snapshot, flags) };
    },
  };
}

/** What flags say goes for every configuration that is read. */
function withOverrides(snapshot: Snapshot, { workers, dataPlane, logLevel, admin }: RunFlags): Snapshot {
  return {
    ...snapshot,
    admin: admin === undefined ? snapshot.admin : overriddenAdmin(admin, snapshot.admin),
    workers: workers ?? snapshot.workers,
    dataPlane: dataPlane ?? snapshot.dataPlane,
    log: { ...snapshot.log, level: logLevel ?? snapshot.log.level },
  };
}

function overriddenAdmin(flag: string, configured: AdminSnapshot | undefined): AdminSnapshot | undefined {
  if (flag === 'off') return undefined;
  const address = parseAdminAddress(flag);
  if (!address.ok) throw new WrongUsage(`--admin ${flag}: ${address.problem}`);
  return { address: address.value, token: configured?.token };
}

function announce({ served, plane }: Start & { ok: true }, { workers }: Snapshot, log: Logger): void {
  for (const { listener, address } of served) {
    const at = listenerAddress({ host: address.address, port: address.port });
    log.info({ listener, address: at, dataPlane: plane, workers }, 'serving');
  }
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function parseWorkers(text: string): number {
  const workers = Number(text);
  if (!Number.isInteger(workers) || workers < 1 || workers > 1024) {
    throw new InvalidArgumentError('Allowed are 1 to 1024.');
  }
  return workers;
}
