import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

import type { ConfigEntry, ConfigNode, ScalarValue } from './config-node.ts';
import type { Fault } from './finding.ts';
import { readJson } from './json-nodes.ts';
import { show } from './wording.ts';

export type NodesResult =
  | { readonly ok: true; readonly root: ConfigNode }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Reads YAML 1.2, of which JSON is a part. */
export function readYaml(text: string): NodesResult {
  const json = readJson(text);
  if (json !== undefined) return { ok: true, root: json };
  // Keys given twice are found later: the library compares every key with every other.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, stringKeys: true });
  const errors = [...document.errors, ...document.warnings];
  const exhaustion = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhaustion !== undefined) return { ok: false, faults: [toFault(exhaustion)] };
  if (errors.length > 0) return { ok: false, faults: errors.map(toFault) };
  const reading = new Reading();
  const root = reading.node(document.contents);
  return reading.faults.length > 0 ? { ok: false, faults: reading.faults } : { ok: true, root };
}

function toFault(error: YAMLError): Fault {
  return { at: error.pos[0], path: [], message: explain(error) };
}

function explain({ code, message }: YAMLError): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'has a second document here; allowed is one';
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deep to be read';
    case 'NON_STRING_KEY':
      return 'has a key here that is not text; allowed is text';
    case 'BAD_ALIAS':
      return 'is not YAML: text that starts with "*" needs quotes, such as "*" or "*.example.com"';
    default:
      return `is not YAML: ${message.replace(/\s+/g, ' ')}`;
  }
}

/** Makes nodes of the library's. Goes in the order of the text, as an anchor counts from there on and may be given again. */
class Reading {
  readonly faults: Fault[] = [];
  readonly #anchors = new Map<string, ConfigNode>();

  node(parsed: unknown): ConfigNode {
    if (isAlias(parsed)) return this.#alias(parsed.source, start(parsed));
    if (!isScalar(parsed) && !isMap(parsed) && !isSeq(parsed)) return emptyAt(0);
    const node = this.#valueNode(parsed, start(parsed));
    // Only now: a value cannot stand for itself within itself.
    if (parsed.anchor !== undefined) this.#anchors.set(parsed.anchor, node);
    return node;
  }

  #valueNode(parsed: Scalar | YAMLMap | YAMLSeq, at: number): ConfigNode {
    if (isSeq(parsed)) return { kind: 'list', at, items: parsed.items.map((item) => this.node(item)) };
    if (isMap(parsed)) return { kind: 'mapping', at, entries: parsed.items.map((pair) => this.#entry(pair)) };
    const { value } = parsed;
    if (isPlain(value)) return { kind: 'scalar', at, value };
    this.faults.push({
      at,
      path: [],
      message: 'is a value of a type that is not allowed here; allowed is plain text',
    });
    return { kind: 'scalar', at, value: null };
  }

  #entry({ key, value }: Pair): ConfigEntry {
    const keyNode = this.node(key);
    const node = value === null ? emptyAt(keyNode.at) : this.node(value);
    return { key: keyNode.kind === 'scalar' ? String(keyNode.value) : '', keyAt: keyNode.at, node };
  }

  #alias(name: string, at: number): ConfigNode {
    const target = this.#anchors.get(name);
    if (target !== undefined) return { kind: 'alias', at, target };
    const written = show(`*${name}`);
    this.faults.push({
      at,
      path: [],
      message: `is not YAML: there is no anchor for ${written}; text that starts with "*" needs quotes`,
    });
    return emptyAt(at);
  }
}

function start(node: Node): number {
  return node.range?.[0] ?? 0;
}

function emptyAt(at: number): ConfigNode {
  return { kind: 'scalar', at, value: null };
}

function isPlain(value: unknown): value is ScalarValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
