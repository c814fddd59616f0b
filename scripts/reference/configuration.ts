import { configJsonSchema } from '../../src/config/json-schema.ts';
import { code, markdownTable } from './markdown.ts';

/** What is read here of a JSON Schema. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
}

/** What the page explains once, by the pattern that the schema has for it. */
const quantities: ReadonlyMap<string, string> = new Map([
  ['^\\d+(ms|s|m|h)$', 'a duration'],
  ['^\\d+(B|KiB|MiB|GiB)$', 'a size'],
  ['^\\d+/(s|m|h)$', 'a rate'],
  ['^\\d+(\\.\\d+)?%$', 'a share'],
]);

/** The tables of `docs/configuration.md`: one for each mapping of the schema, outer ones first. */
export function configurationReference(): string {
  return sections('', configJsonSchema()).join('\n\n');
}

function sections(path: string, schema: Schema): string[] {
  const { properties = {}, required = [], description = '' } = schema;
  const inside = path === '' ? '' : `${path}.`;
  const rows = Object.entries(properties).map(([key, value]) => [
    code(key),
    takes(value, `${inside}${key}`),
    required.includes(key) ? 'required' : defaultOf(value),
    value.description ?? '',
  ]);
  return [
    `## ${path === '' ? 'Top level' : code(path)}`,
    ...(path === '' ? [] : [description]),
    markdownTable(['key', 'takes', 'default', 'what it says'], rows),
    ...Object.entries(properties).flatMap(([key, value]) => nested(`${inside}${key}`, value)),
  ];
}

/** The mappings in a value, each with its path: `routes[]`, `upstreams.*`. */
function nested(path: string, schema: Schema): string[] {
  if (schema.properties) return sections(path, schema);
  if (schema.items) return nested(`${path}[]`, schema.items);
  if (typeof schema.additionalProperties === 'object')
    return nested(`${path}.*`, schema.additionalProperties);
  return (schema.anyOf ?? []).flatMap((each) => nested(path, each));
}

function takes(schema: Schema, path: string): string {
  if (schema.properties) return `[a mapping](#${anchor(path)})`;
  if (schema.items) return `a list of: ${takes(schema.items, `${path}[]`)}`;
  if (typeof schema.additionalProperties === 'object')
    return `names, and for each ${takes(schema.additionalProperties, `${path}.*`)}`;
  if (schema.anyOf) return schema.anyOf.map((each) => takes(each, path)).join(', or ');
  if (schema.enum) return schema.enum.map(show).join(', ');
  if (schema.const !== undefined) return show(schema.const);
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return `${show(true)}, ${show(false)}`;
  const quantity = quantities.get(schema.pattern ?? '');
  if (quantity !== undefined) return quantity;
  return schema.examples ? `text, such as ${schema.examples.map(show).join(', ')}` : 'text';
}

function defaultOf({ default: value, properties, anyOf = [] }: Schema): string {
  if (value === undefined) return '–';
  const isMapping = properties !== undefined || anyOf.some((each) => each.properties !== undefined);
  return isMapping && typeof value === 'object' ? 'as below' : show(value);
}

function show(value: unknown): string {
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

/** As GitHub makes it from a heading. */
function anchor(path: string): string {
  return path.toLowerCase().replace(/[^a-z0-9_-]/g, '');
}
