import type { ReadStream, WriteStream } from 'node:tty';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const clearLine = '\x1b[K';
const clearBelow = '\x1b[J';

/** A whole terminal, which is as it was before once this is closed. */
export class TerminalScreen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #isOpen = false;
  readonly #onExit = () => this.close();

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  get lines(): number {
    return this.#output.rows || 24;
  }

  /** `key` gets what a key sends, `resized` is called when the terminal has another size. */
  open(key: (sent: string) => void, resized: () => void): void {
    this.#isOpen = true;
    process.once('exit', this.#onExit);
    this.#output.write(enter);
    this.#output.on('resize', resized);
    if (!this.#input.isTTY) return;
    this.#input.setRawMode(true);
    this.#input.setEncoding('utf8');
    this.#input.on('data', (sent) => key(String(sent)));
  }

  show(lines: readonly string[]): void {
    if (this.#isOpen)
      this.#output.write(`${home}${lines.map((line) => `${line}${clearLine}`).join('\r\n')}${clearBelow}`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#onExit);
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(leave);
  }
}
