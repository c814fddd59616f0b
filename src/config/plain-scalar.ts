import type { ScalarValue } from './config-node.ts';

/** Those that are not text in YAML 1.2's core schema. */
const words: ReadonlyMap<string, ScalarValue> = new Map<string, ScalarValue>([
  ...['null', 'Null', 'NULL'].map((text) => [text, null] as const),
  ...['true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

/** What a scalar without quotes stands for, in YAML 1.2's core schema. Undefined for numbers past everyday ones. */
export function readPlainScalar(text: string): ScalarValue | undefined {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  if (/^[\d.+-]/.test(text) && (!Number.isNaN(Number(text)) || /^[+-]?\.(?:inf|nan)$/i.test(text)))
    return undefined;
  const word = words.get(text);
  return word === undefined ? text : word;
}
