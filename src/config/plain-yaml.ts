import type { ConfigEntry, ConfigNode } from './config-node.ts';
import { noColumn, PlainTokens } from './plain-tokens.ts';

/**
 * Reads the YAML that configurations are mostly written in, JSON included, many times as fast as the library: block
 * and flow collections, and scalars that end on their line. Undefined for whatever else there is in YAML, mistakes
 * included; that is the library's to read. What this one reads it reads as the library does, to the last offset.
 */
export function readPlainYaml(text: string): ConfigNode | undefined {
  // Tabs and carriage returns, too: YAML has rules of its own for each.
  return /[^\n\x20-\x7e\xa0-\ufefe\uff00-\uffff]/.test(text) ? undefined : new PlainReader(text).document();
}

const comma = 0x2c;
const openList = 0x5b;
const closeList = 0x5d;
const closeMapping = 0x7d;

const maxDepth = 60;

class PlainReader {
  readonly #tokens: PlainTokens;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = new PlainTokens(text);
  }

  document(): ConfigNode | undefined {
    if (!this.#tokens.startDocument()) return undefined;
    const isFlow = this.#tokens.isFlowStart();
    const root = isFlow ? this.#flow(noColumn) : this.#block();
    if (root === undefined || (isFlow && !this.#tokens.endLine())) return undefined;
    // A line that fits no block ends them all: the rest of a scalar on several lines, or a mistake.
    return this.#tokens.column === noColumn ? root : undefined;
  }

  #block(): ConfigNode | undefined {
    if (this.#depth === maxDepth) return undefined;
    this.#depth++;
    const { column } = this.#tokens;
    const node = this.#tokens.isDash() ? this.#blockList(column) : this.#blockMapping(column);
    this.#depth--;
    return node;
  }

  #blockList(column: number): ConfigNode | undefined {
    const at = this.#tokens.at;
    const items: ConfigNode[] = [];
    while (this.#tokens.column === column && this.#tokens.isDash()) {
      this.#tokens.at++;
      const item = this.#blockItem(column);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { kind: 'list', at, items };
  }

  /** A collection may begin on the line of the dash. */
  #blockItem(column: number): ConfigNode | undefined {
    this.#tokens.skipSpaces();
    if (this.#tokens.isLineEnd())
      return this.#tokens.endLine() && this.#tokens.column > column ? this.#block() : undefined;
    const start = this.#tokens.at;
    const isBlock = this.#tokens.isDash() || this.#tokens.key(false) !== undefined;
    this.#tokens.at = start;
    if (!isBlock) return this.#lineValue(column);
    this.#tokens.column = start - this.#tokens.lineStart;
    return this.#block();
  }

  #blockMapping(column: number): ConfigNode | undefined {
    const at = this.#tokens.at;
    const entries: ConfigEntry[] = [];
    do {
      const keyAt = this.#tokens.at;
      const key = this.#tokens.key(false);
      const node = key === undefined ? undefined : this.#blockValue(column, keyAt);
      if (key === undefined || node === undefined) return undefined;
      entries.push({ key, keyAt, node });
    } while (this.#tokens.column === column && !this.#tokens.isDash());
    return { kind: 'mapping', at, entries };
  }

  #blockValue(column: number, keyAt: number): ConfigNode | undefined {
    this.#tokens.skipSpaces();
    if (!this.#tokens.isLineEnd()) return this.#lineValue(column);
    if (!this.#tokens.endLine()) return undefined;
    // The dashes of a list may stand right below their key.
    if (this.#tokens.column > column || (this.#tokens.column === column && this.#tokens.isDash()))
      return this.#block();
    return { kind: 'scalar', at: keyAt, value: null };
  }

  /** A scalar, or a flow collection, up to the end of its line. */
  #lineValue(column: number): ConfigNode | undefined {
    const node = this.#tokens.isFlowStart() ? this.#flow(column) : this.#tokens.scalar(false);
    return node !== undefined && this.#tokens.endLine() ? node : undefined;
  }

  /** `column`: of the block it is in; lines it goes on on must begin further right. */
  #flow(column: number): ConfigNode | undefined {
    if (this.#depth === maxDepth) return undefined;
    this.#depth++;
    const node = this.#tokens.is(openList) ? this.#flowList(column) : this.#flowMapping(column);
    this.#depth--;
    return node;
  }

  #flowList(column: number): ConfigNode | undefined {
    const items: ConfigNode[] = [];
    const at = this.#tokens.at++;
    do {
      if (!this.#tokens.skipFlowSpace(column)) return undefined;
      // An empty list, or one with a comma at its end.
      if (this.#tokens.is(closeList)) break;
      const item = this.#flowValue(column);
      if (item === undefined || !this.#tokens.skipFlowSpace(column)) return undefined;
      items.push(item);
    } while (this.#tokens.take(comma));
    return this.#tokens.take(closeList) ? { kind: 'list', at, items } : undefined;
  }

  #flowMapping(column: number): ConfigNode | undefined {
    const entries: ConfigEntry[] = [];
    const at = this.#tokens.at++;
    do {
      if (!this.#tokens.skipFlowSpace(column)) return undefined;
      if (this.#tokens.is(closeMapping)) break;
      const keyAt = this.#tokens.at;
      const key = this.#tokens.key(true);
      if (key === undefined || !this.#tokens.skipFlowSpace(column)) return undefined;
      const node = this.#flowValue(column);
      if (node === undefined || !this.#tokens.skipFlowSpace(column)) return undefined;
      entries.push({ key, keyAt, node });
    } while (this.#tokens.take(comma));
    return this.#tokens.take(closeMapping) ? { kind: 'mapping', at, entries } : undefined;
  }

  #flowValue(column: number): ConfigNode | undefined {
    return this.#tokens.isFlowStart() ? this.#flow(column) : this.#tokens.scalar(true);
  }
}
