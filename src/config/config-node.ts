/**
 * A configuration as written, before anything is known about its keys: values with their places in the text.
 * `at` and `keyAt` are offsets into it.
 */
export type ConfigNode =
  | { readonly kind: 'scalar'; readonly at: number; readonly value: ScalarValue }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly ConfigNode[] }
  | MappingNode
  | { readonly kind: 'alias'; readonly at: number; readonly target: ConfigNode };

export type ScalarValue = string | number | boolean | null;

export interface MappingNode {
  readonly kind: 'mapping';
  readonly at: number;
  readonly entries: readonly ConfigEntry[];
}

export interface ConfigEntry {
  readonly key: string;
  readonly keyAt: number;
  readonly node: ConfigNode;
}
