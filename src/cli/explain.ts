import { isIP } from 'node:net';

import type { Command } from 'commander';

import type { Snapshot } from '../config/snapshot.ts';
import { explainConnection } from './explanation.ts';
import { loadOrFail } from './load-or-fail.ts';

interface ExplainOptions {
  readonly config: string;
  readonly alpn?: string;
  readonly source?: string;
  readonly listener?: string;
  /** False with `--no-sni`. */
  readonly sni: boolean;
}

/** `sluice explain`: where a connection would go. */
export function registerExplain(program: Command): void {
  program
    .command('explain')
    .summary('say which route a connection would get, and why')
    .description(
      'Says which route and upstream a connection would get and why, and which routes it would not get.',
    )
    .argument('[name]', 'the server name the client asks for')
    .requiredOption('-c, --config <file>', 'the configuration, YAML or JSON; - reads standard input')
    .option('--alpn <protocols>', 'what the client offers, such as h2,http/1.1')
    .option('--source <ip>', "the client's address; without it no route with sources applies")
    .option('--listener <name>', 'the listener it connects to; without it the first')
    .option('--no-sni', 'the client asks for no name')
    .addHelpText('after', examples)
    .action((name: string | undefined, options: ExplainOptions, command: Command) => {
      if (options.sni === (name === undefined)) command.error('error: give either a name or --no-sni');
      if (options.source !== undefined && isIP(options.source) === 0) {
        command.error(`error: "${options.source}" is not an IP address; allowed with --source is one`);
      }
      const { snapshot } = loadOrFail({ file: options.config });
      const lines = explainConnection(snapshot, {
        serverName: name,
        alpn: options.alpn?.split(',').filter((protocol) => protocol !== '') ?? [],
        source: options.source,
        listener: chooseListener(snapshot, options.listener, command),
      });
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

const examples = `
Examples:
  sluice explain -c sluice.yaml shop.example.com
  sluice explain -c sluice.yaml shop.example.com --alpn h2,http/1.1 --source 203.0.113.7
  sluice explain -c sluice.yaml --no-sni --listener edge`;

function chooseListener({ listeners }: Snapshot, wanted: string | undefined, command: Command): string {
  const names = listeners.map(({ name }) => name);
  if (wanted === undefined) return names[0] ?? '';
  if (!names.includes(wanted)) {
    command.error(`error: there is no listener "${wanted}"; allowed are ${names.join(', ')}`);
  }
  return wanted;
}
