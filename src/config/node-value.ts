import type { ConfigEntry, ConfigNode } from './config-node.ts';
import type { Fault } from './finding.ts';

/** Deeper than any configuration is. Also what ends a chain of aliases, each in the next one's value. */
const maxDepth = 64;

/** What all aliases together may stand for. Past it they are a bomb, each doubling the one before. */
const maxAliasedValues = 1_000_000;

export interface NodeValue {
  readonly value: unknown;
  /** What is wrong whatever the keys mean, such as a key given twice. */
  readonly faults: readonly Fault[];
  /** Whether the value was too much and lacks parts. */
  readonly isCut: boolean;
}

export function toValue(root: ConfigNode): NodeValue {
  const conversion = new Conversion();
  const value = conversion.convert(root, 0);
  return { value, faults: conversion.faults, isCut: conversion.isCut };
}

class Conversion {
  readonly faults: Fault[] = [];
  isCut = false;
  readonly #path: (string | number)[] = [];
  #aliasedValues = 0;

  /** `aliases`: how many aliases were followed on the way here. */
  convert(node: ConfigNode, aliases: number): unknown {
    if (aliases > 0 && !this.#countAliased(node)) return undefined;
    if (node.kind === 'scalar') return node.value;
    if (aliases + this.#path.length > maxDepth) {
      this.#cut(node.at, `is nested too deep; allowed are ${maxDepth} levels`);
      return undefined;
    }
    if (node.kind === 'alias') return this.convert(node.target, aliases + 1);
    return node.kind === 'list' ? this.#list(node.items, aliases) : this.#mapping(node.entries, aliases);
  }

  #countAliased(node: ConfigNode): boolean {
    this.#aliasedValues++;
    if (this.#aliasedValues === maxAliasedValues) {
      this.#cut(node.at, `is past the ${maxAliasedValues} values that aliases may stand for`);
    }
    return this.#aliasedValues < maxAliasedValues;
  }

  #list(items: readonly ConfigNode[], aliases: number): unknown[] {
    const list: unknown[] = [];
    for (const item of items) {
      this.#path.push(list.length);
      list.push(this.convert(item, aliases));
      this.#path.pop();
    }
    return list;
  }

  #mapping(entries: readonly ConfigEntry[], aliases: number): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    for (const { key, keyAt, node } of entries) {
      this.#path.push(key);
      if (Object.hasOwn(mapping, key)) {
        const first = entries.find((entry) => entry.key === key);
        this.#report(keyAt, 'is given twice; allowed is once', first?.keyAt);
      } else if (key === '__proto__') {
        // zod leaves such a key out without a word.
        this.#report(keyAt, 'is not allowed as a key; allowed is any other');
      } else {
        mapping[key] = this.convert(node, aliases);
      }
      this.#path.pop();
    }
    return mapping;
  }

  #cut(at: number, message: string): void {
    this.isCut = true;
    this.#report(at, message);
  }

  #report(at: number, message: string, otherAt?: number): void {
    this.faults.push({ at, path: [...this.#path], message, ...(otherAt !== undefined && { otherAt }) });
  }
}
