/** What a command could not do, for the person who ran it: each line goes to stderr, and the exit code is 1. */
export class CommandFailure extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailure';
    this.lines = lines;
  }
}
