/** What a command could not do, for the person who ran it: the lines go to stderr, and the exit code is 1. */
export class CommandFailure extends Error {
  constructor(...lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailure';
  }
}

/** Flags that cannot be meant: exit code 2. */
export class WrongUsage extends CommandFailure {}
