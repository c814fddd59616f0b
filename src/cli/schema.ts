import type { Command } from 'commander';

import { configJsonSchema } from '../config/json-schema.ts';

/** `sluice schema`: what editors complete and check a configuration by. */
export function registerSchema(program: Command): void {
  program
    .command('schema')
    .summary('print the JSON Schema of the configuration')
    .description(
      'Prints the JSON Schema of the configuration, by which editors complete, explain and check its keys.',
    )
    .addHelpText('after', examples)
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    });
}

const examples = `
Examples:
  sluice schema > sluice.schema.json

and as the first line of the configuration, for editors with a YAML language server:
  # yaml-language-server: $schema=./sluice.schema.json`;
