import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { z } from 'zod';

import { configJsonSchema } from '../../src/config/json-schema.ts';
import { problemsOf } from './loading.ts';

const node = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  examples: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  default: z.unknown().optional(),
});

type SchemaNode = z.output<typeof node>;

/** Every schema in the schema, with the path of the key it is for. */
function* everySchema(value: unknown, path: string): Generator<[path: string, schema: SchemaNode]> {
  const schema = node.parse(value);
  yield [path, schema];
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    yield* everySchema(property, `${path}.${key}`);
  if (schema.items !== undefined) yield* everySchema(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object')
    yield* everySchema(schema.additionalProperties, `${path}.*`);
  for (const alternative of schema.anyOf ?? []) yield* everySchema(alternative, path);
}

const schemas = [...everySchema(configJsonSchema(), '')];

function schemaAt(path: string): SchemaNode {
  const found = schemas.find(([each]) => each === path)?.[1];
  assert.ok(found, `${path} is in the schema`);
  return found;
}

describe('the JSON Schema', () => {
  it('is of the 2020-12 draft and has a title', () => {
    const { $schema, title } = configJsonSchema();
    assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.equal(title, 'Sluice configuration');
  });

  it('describes every key', () => {
    for (const path of new Set(schemas.map(([each]) => each))) {
      if (path.endsWith('[]')) continue;
      assert.ok((schemaAt(path).description ?? '').length > 10, `${path} has a description`);
    }
    assert.ok(schemas.length > 80);
  });

  it('allows no other keys, as the loader does', () => {
    for (const [path, schema] of schemas) {
      if (schema.properties !== undefined) assert.equal(schema.additionalProperties, false, path);
    }
  });

  it('has the defaults as they are written', () => {
    const defaults = Object.fromEntries(
      schemas.flatMap(([path, schema]) =>
        schema.default === undefined || schema.type === 'object' ? [] : [[path, schema.default]],
      ),
    );
    assert.deepEqual(defaults, {
      '.workers': 'auto',
      '.dataPlane': 'auto',
      '.listeners[].helloTimeout': '5s',
      '.listeners[].maxHelloBytes': '64KiB',
      '.routes': [],
      '.routes[].wildcard': 'any-depth',
      '.upstreams.*.endpoints[].weight': 1,
      '.upstreams.*.serverName.port': 443,
      '.upstreams.*.serverName.allowPrivate': false,
      '.upstreams.*.balance': 'round-robin',
      '.upstreams.*.connectTimeout': '3s',
      '.upstreams.*.connectAttempts': 3,
      '.upstreams.*.health.active.probe': 'tcp',
      '.upstreams.*.health.active.interval': '5s',
      '.upstreams.*.health.active.timeout': '2s',
      '.upstreams.*.health.active.healthyAfter': 2,
      '.upstreams.*.health.active.unhealthyAfter': 3,
      '.upstreams.*.health.passive': {},
      '.upstreams.*.health.passive.failures': 3,
      '.upstreams.*.health.passive.window': '10s',
      '.upstreams.*.health.passive.ejectFor': '30s',
      '.upstreams.*.health.passive.maxEjected': '50%',
      '.timeouts.idle': '1h',
      '.timeouts.halfClosed': '5m',
      '.timeouts.drain': '30s',
      '.admin': {},
      '.admin.address': '127.0.0.1:9901',
      '.log.level': 'info',
      '.log.access': 'stdout',
      '.watch': false,
    });
  });

  it('has patterns that its own examples and defaults match', () => {
    let matched = 0;
    for (const [path, schema] of schemas) {
      if (schema.pattern === undefined) continue;
      const pattern = new RegExp(schema.pattern, 'u');
      for (const text of [
        ...(schema.examples ?? []),
        ...(schema.default === undefined ? [] : [schema.default]),
      ]) {
        assert.match(String(text), pattern, path);
        matched++;
      }
    }
    assert.ok(matched > 20);
  });

  it('has patterns that agree with the loader', () => {
    const idle = new RegExp(schemaAt('.timeouts.idle').pattern ?? '', 'u');
    for (const text of ['1ms', '5s', '2m', '1h', '1', '1.5s', '1 s', '1d', '1m30s', 's']) {
      const problems = problemsOf(`timeouts: {idle: "${text}"}`).filter((problem) =>
        problem.includes('timeouts.idle'),
      );
      assert.equal(idle.test(text), problems.length === 0, text);
    }
  });
});
