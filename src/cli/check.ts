import type { Command } from 'commander';

import { RouteList } from '../routing/route-list.ts';
import { loadOrFail, printWarnings } from './load-or-fail.ts';

/** `sluice check`: exit 0 and one line, or exit 1 and every problem. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .summary('validate a configuration')
    .description(
      'Validates a configuration and prints every problem in it, with its place and what is allowed.',
    )
    .requiredOption('-c, --config <file>', 'the configuration, YAML or JSON; - reads standard input')
    .addHelpText('after', examples)
    .action(({ config }: { readonly config: string }) => {
      const { snapshot, warnings } = loadOrFail({ file: config });
      printWarnings(warnings);
      const { listeners, routes, upstreams } = snapshot;
      const parts = [
        counted(listeners.length, 'listener'),
        counted(new RouteList(routes).length, 'route'),
        counted(upstreams.length, 'upstream'),
      ];
      process.stdout.write(`${config === '-' ? '<stdin>' : config} is valid: ${parts.join(', ')}\n`);
    });
}

const examples = `
Examples:
  sluice check -c sluice.yaml
  sluice check -c - < sluice.yaml

Exit code 0 where it is valid, 1 where it has problems. Each is a line on stderr:
  FILE:LINE:COLUMN: path.to.key: what is wrong; what is allowed`;

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
