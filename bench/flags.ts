import { Command, InvalidArgumentError } from 'commander';
import { claimsWith } from './claims/all.ts';
import { workloads } from './workloads/all.ts';

export interface Flags {
  readonly quick: boolean;
  readonly only?: readonly string[];
  readonly peers?: readonly string[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly warm: number;
  readonly workers: number;
  readonly baseline?: string;
  readonly output?: string;
  readonly installPeers: boolean;
}

export function parseFlags(words: readonly string[]): Flags {
  const names = [...workloads, ...claimsWith(0)].map(({ name }) => name);
  const program = new Command('npm run bench --')
    .description('Measures Sluice beside other proxies, in alternating rounds.')
    .option('--quick', 'a minute and a half, for a first look', false)
    .option('--only <workloads>', `some of: ${names.join(', ')}`, list)
    .option('--peers <names>', 'only these peers; none: no peer', list)
    .option('--rounds <count>', 'how often', count)
    .option('--seconds <seconds>', 'how long each single measurement takes', Number.parseFloat)
    .option('--warm <seconds>', 'how long a proxy works before it is measured', Number.parseFloat, 1)
    .option('--workers <count>', 'worker processes or threads of each proxy', count, 1)
    .option('--baseline <folder>', 'another checkout of Sluice, built, to be measured beside this one')
    .option('--output <folder>', 'where the results go')
    .option('--install-peers', 'install the peers from Debian first', false);
  const flags = program.parse(words, { from: 'user' }).opts<Flags>();
  const unknown = flags.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) program.error(`no workload is named ${unknown}`);
  return flags;
}

function list(text: string): string[] {
  return text.split(',').filter((word) => word !== '' && word !== 'none');
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('it is not a positive whole number');
  return value;
}
