import type { Command, Option } from 'commander';

import { createProgram } from '../../src/cli/program.ts';

/** One command, as both the Markdown and the man page tell it. */
export interface CommandFacts {
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly summary: string;
  readonly options: readonly { readonly flags: string; readonly description: string }[];
  /** What its help says after the options: examples and notes. */
  readonly notes: string;
}

export function commandFacts(): readonly CommandFacts[] {
  const { commands } = createProgram();
  return commands.map((command) => ({
    name: command.name(),
    usage: `sluice ${command.name()} ${command.usage()}`,
    description: command.description(),
    summary: command.summary(),
    options: command.options.filter(({ hidden }) => !hidden).map(optionFacts),
    notes: notesOf(command),
  }));
}

function optionFacts({ flags, description, argChoices, defaultValueDescription }: Option) {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  const preset = defaultValueDescription === undefined ? '' : ` [${defaultValueDescription}]`;
  return { flags, description: `${description}${choices}${preset}` };
}

/** All of the help, less what commander makes of the options itself. */
function notesOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help.replace(command.helpInformation(), '').trim();
}
