import type { ConfigEntry, ConfigNode, MappingNode } from './config-node.ts';
import type { Fault, Finding, Path } from './finding.ts';

/** Finds the places of values in the text, for problems: a configuration without any never pays for it. */
export class NodeLocator {
  readonly #root: ConfigNode;
  readonly #entries = new Map<MappingNode, ReadonlyMap<string, ConfigEntry>>();

  constructor(root: ConfigNode) {
    this.#root = root;
  }

  locate({ path, message, atKey, other }: Finding): Fault {
    const at = this.#offsetOf(path, atKey ?? false);
    return { at, path, message, ...(other !== undefined && { otherAt: this.#offsetOf(other, false) }) };
  }

  /** A scalar's own place, else that of the key it stands at or its first character in a list. Missing: its parent's. */
  #offsetOf(path: Path, atKey: boolean): number {
    let node = this.#root;
    let keyAt = node.at;
    for (const step of path) {
      const next = this.#child(node, step);
      if (next === undefined) return keyAt;
      ({ node, keyAt } = next);
    }
    return node.kind === 'scalar' && node.value !== null && !atKey ? node.at : keyAt;
  }

  #child(parent: ConfigNode, step: string | number): { node: ConfigNode; keyAt: number } | undefined {
    if (parent.kind === 'alias') return this.#child(parent.target, step);
    if (parent.kind === 'list' && typeof step === 'number') {
      const node = parent.items[step];
      return node && { node, keyAt: node.at };
    }
    return parent.kind === 'mapping' ? this.#entriesOf(parent).get(String(step)) : undefined;
  }

  /** By key: a long mapping with a problem in each entry is not gone through once for each. */
  #entriesOf(mapping: MappingNode): ReadonlyMap<string, ConfigEntry> {
    const known = this.#entries.get(mapping);
    if (known !== undefined) return known;
    // Of a key given twice the first counts, here as in the value.
    const entries = new Map(mapping.entries.toReversed().map((entry) => [entry.key, entry]));
    this.#entries.set(mapping, entries);
    return entries;
  }
}
