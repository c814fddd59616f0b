import { z } from 'zod';

import { configSchema } from './schema.ts';

/** The JSON Schema (2020-12) of the configuration as written, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input' });
  return { $schema, title: 'Sluice configuration', ...schema };
}
