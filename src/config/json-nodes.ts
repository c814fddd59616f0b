import { visit } from 'jsonc-parser';

import type { ConfigEntry, ConfigNode, ScalarValue } from './config-node.ts';

interface OpenNode {
  readonly node: ConfigNode;
  add(child: ConfigNode): void;
  key(key: string, keyAt: number): void;
}

/**
 * Reads JSON in a hundredth of the memory that YAML takes, of which it is a part: programs write it, and a million
 * names. Undefined for what is no JSON, or too deep: that is for the other reader to judge.
 */
export function readJson(text: string): ConfigNode | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const reading = new Reading();
  try {
    visit(
      text,
      {
        onObjectBegin: (at) => reading.openMapping(at),
        onObjectProperty: (key, at) => reading.key(key, at),
        onObjectEnd: () => reading.close(),
        onArrayBegin: (at) => reading.openList(at),
        onArrayEnd: () => reading.close(),
        onLiteralValue: (value: ScalarValue, at) => reading.add({ kind: 'scalar', at, value }),
        onComment: () => reading.fail(),
        onError: () => reading.fail(),
      },
      { disallowComments: true },
    );
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return reading.root;
}

class Reading {
  #root: ConfigNode | undefined;
  #hasFailed = false;
  readonly #open: OpenNode[] = [];

  /** Undefined where anything was wrong. */
  get root(): ConfigNode | undefined {
    return this.#hasFailed ? undefined : this.#root;
  }

  fail(): void {
    this.#hasFailed = true;
  }

  openMapping(at: number): void {
    const entries: ConfigEntry[] = [];
    const last = { key: '', keyAt: at };
    this.#open.push({
      node: { kind: 'mapping', at, entries },
      add: (node) => entries.push({ ...last, node }),
      key: (key, keyAt) => Object.assign(last, { key, keyAt }),
    });
  }

  openList(at: number): void {
    const items: ConfigNode[] = [];
    this.#open.push({ node: { kind: 'list', at, items }, add: (node) => items.push(node), key: () => {} });
  }

  key(key: string, at: number): void {
    this.#open.at(-1)?.key(key, at);
  }

  add(node: ConfigNode): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = node;
    else parent.add(node);
  }

  close(): void {
    const closed = this.#open.pop();
    if (closed !== undefined) this.add(closed.node);
  }
}
