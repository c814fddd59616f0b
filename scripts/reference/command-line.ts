import { commandFacts } from './commands.ts';
import { code, markdownTable } from './markdown.ts';

/** The commands of `docs/cli.md`. */
export function commandLineReference(): string {
  const commands = commandFacts();
  const overview = commands.map(({ name, summary }) => [
    `[${code(`sluice ${name}`)}](#sluice-${name})`,
    summary,
  ]);
  const details = commands.flatMap(({ name, usage, description, options, notes }) => [
    `## sluice ${name}`,
    description,
    fenced(usage),
    ...(options.length > 0 ? [optionTable(options)] : []),
    ...(notes === '' ? [] : [fenced(notes)]),
  ]);
  return [markdownTable(['command', 'does'], overview), ...details].join('\n\n');
}

function optionTable(options: readonly { flags: string; description: string }[]): string {
  return markdownTable(
    ['option', 'says'],
    options.map(({ flags, description }) => [code(flags), description]),
  );
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
