import type { ConfigNode } from './config-node.ts';
import { readPlainScalar } from './plain-scalar.ts';

const newline = 0x0a;
const space = 0x20;
const doubleQuote = 0x22;
const hash = 0x23;
const singleQuote = 0x27;
const comma = 0x2c;
const hyphen = 0x2d;
const colon = 0x3a;
const openList = 0x5b;
const closeList = 0x5d;
const openMapping = 0x7b;
const closeMapping = 0x7d;

/** YAML allows 1024 characters for a key that no `?` announces. */
const maxKeyLength = 1000;

/** A column no line has: the text is at its end. */
export const noColumn = -1;

/**
 * The tokens of `readPlainYaml`. Each method that reads leaves `at` behind what it read; undefined or false is to
 * give up.
 */
export class PlainTokens {
  at = 0;
  /** Of the block that begins at `at`, once the end of the line before was read. */
  column = noColumn;
  lineStart = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Past `---`, if there is one. */
  startDocument(): boolean {
    this.#findLine();
    if (this.column !== 0 || !this.#text.startsWith('---', this.at)) return true;
    this.at += '---'.length;
    return this.endLine();
  }

  scalar(isFlow: boolean): ConfigNode | undefined {
    const at = this.at;
    if (this.#isQuote()) {
      const text = this.#quoted();
      return text === undefined ? undefined : { kind: 'scalar', at, value: text };
    }
    const text = this.#plain(isFlow ? plainStart : linePlainStart, isFlow);
    const value = text === undefined || this.is(colon) ? undefined : readPlainScalar(text.trimEnd());
    return value === undefined ? undefined : { kind: 'scalar', at, value };
  }

  /** With its colon. */
  key(isFlow: boolean): string | undefined {
    const start = this.at;
    const isQuoted = this.#isQuote();
    const key = isQuoted ? this.#quoted() : this.#plain(plainStart, isFlow)?.trimEnd();
    if (key === undefined || this.at - start > maxKeyLength || !this.take(colon)) return undefined;
    // In a flow mapping a colon behind quotes needs no space: that is JSON.
    return (isFlow && isQuoted) || this.is(space) || this.isLineEnd() ? key : undefined;
  }

  /** On one line. JSON's escapes mean the same in YAML; others are the library's to read. */
  #quoted(): string | undefined {
    const token = this.#match(this.is(singleQuote) ? singleQuoted : doubleQuoted);
    const inner = token?.slice(1, -1);
    if (token === undefined || inner === undefined) return undefined;
    if (token.startsWith("'")) return inner.replaceAll("''", "'");
    if (!inner.includes('\\')) return inner;
    try {
      return String(JSON.parse(token));
    } catch {
      return undefined;
    }
  }

  /** Text without quotes, up to where it stops on its line; undefined where none begins. */
  #plain(start: RegExp, isFlow: boolean): string | undefined {
    if (this.#match(start) === undefined) return undefined;
    const from = this.at - 1;
    for (; this.at < this.#text.length; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code === newline || (isFlow && isFlowIndicator(code))) break;
      if (code === colon && this.#isColonEnd(isFlow)) break;
      if (code === hash && this.#text.charCodeAt(this.at - 1) === space) break;
    }
    return this.#text.slice(from, this.at);
  }

  /** Whether the colon here ends a key, which it may also stand within. */
  #isColonEnd(isFlow: boolean): boolean {
    const next = this.#text.charCodeAt(this.at + 1);
    return next === space || next === newline || Number.isNaN(next) || (isFlow && isFlowIndicator(next));
  }

  /** Goes to the next line that has more than a comment. False: something is left on this one. */
  endLine(): boolean {
    this.skipSpaces();
    const isAttached = this.is(hash) && this.#text.charCodeAt(this.at - 1) !== space;
    if (isAttached || !this.isLineEnd()) return false;
    this.#findLine();
    return true;
  }

  #findLine(): void {
    for (;;) {
      this.skipSpaces();
      if (this.is(hash)) this.#skipComment();
      if (!this.is(newline)) break;
      this.at++;
      this.lineStart = this.at;
    }
    this.column = this.at === this.#text.length ? noColumn : this.at - this.lineStart;
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.at);
    this.at = end === -1 ? this.#text.length : end;
  }

  /** False where a comment stands between, the text ends, or a line begins too far left. */
  skipFlowSpace(column: number): boolean {
    this.skipSpaces();
    if (!this.is(newline)) return !this.isLineEnd();
    while (this.take(newline)) {
      this.lineStart = this.at;
      this.skipSpaces();
    }
    return !this.isLineEnd() && this.at - this.lineStart > column;
  }

  skipSpaces(): void {
    while (this.is(space)) this.at++;
  }

  isDash(): boolean {
    if (!this.is(hyphen)) return false;
    const next = this.#text.charCodeAt(this.at + 1);
    return next === space || next === newline || Number.isNaN(next);
  }

  isFlowStart(): boolean {
    return this.is(openList) || this.is(openMapping);
  }

  #isQuote(): boolean {
    return this.is(doubleQuote) || this.is(singleQuote);
  }

  isLineEnd(): boolean {
    return this.at >= this.#text.length || this.is(newline) || this.is(hash);
  }

  is(code: number): boolean {
    return this.#text.charCodeAt(this.at) === code;
  }

  take(code: number): boolean {
    if (!this.is(code)) return false;
    this.at++;
    return true;
  }

  /** A sticky pattern's match here, which is taken. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text)?.[0];
    this.at += match?.length ?? 0;
    return match;
  }
}

const doubleQuoted = /"(?:[^"\\\n]|\\[^\n])*"/y;
const singleQuoted = /'(?:[^'\n]|'')*'/y;

/** What text without quotes may begin with anywhere; YAML allows more. */
const plainStart = /[\w/\u00a0-\uffff]/y;
/** What it may also begin with where it is the value at the end of a line. */
const linePlainStart = /[\w/.\u00a0-\uffff]|[:-](?=[^ \n])/y;

function isFlowIndicator(code: number): boolean {
  return (
    code === comma || code === openList || code === closeList || code === openMapping || code === closeMapping
  );
}
