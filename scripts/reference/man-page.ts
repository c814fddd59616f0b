import { type CommandFacts, commandFacts } from './commands.ts';

/** `docs/sluice.1`, in the man(7) macros. */
export function manPage(): string {
  return [
    '.\\" Generated: npm run docs',
    '.TH SLUICE 1 "" "Sluice" "User Commands"',
    '.SH NAME',
    'sluice \\- TLS\\-passthrough edge proxy',
    '.SH SYNOPSIS',
    '.B sluice',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    'Routes TLS connections by server name without decrypting them.',
    '.SH COMMANDS',
    ...commandFacts().flatMap(commandLines),
    '.SH ENVIRONMENT',
    ...item(
      'SLUICE_ADMIN_TOKEN',
      'The bearer token of the admin server: what it asks for, and what the commands send.',
    ),
    '.SH EXIT STATUS',
    ...item('0', 'Done; for run: drained.'),
    ...item('1', 'Failed: every problem is a line on standard error.'),
    ...item('2', 'Wrong usage.'),
    '.SH SIGNALS',
    'Of',
    '.BR "sluice run" .',
    ...item('SIGTERM, SIGINT', 'Drain, then exit; a second one ends at once.'),
    ...item('SIGHUP', 'Read the configuration again.'),
    ...item('SIGUSR1', 'Open the access log anew, for log rotation.'),
    ...item('SIGUSR2', 'Replace the program, without a connection lost.'),
    '',
  ].join('\n');
}

function commandLines({ usage, description, options, notes }: CommandFacts): string[] {
  return [
    `.SS ${roff(usage)}`,
    roff(description),
    ...options.flatMap(({ flags, description: says }) => item(flags, says)),
    ...(notes === '' ? [] : ['.PP', '.nf', ...notes.split('\n').map(roff), '.fi']),
  ];
}

function item(term: string, text: string): string[] {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}

/** A line that starts with a dot or an apostrophe would be a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
}
