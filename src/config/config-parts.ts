import { z } from 'zod';

import { type ListenerConfig, listenerSchema } from './listener-schema.ts';
import { type RouteConfig, routeSchema } from './route-schema.ts';
import { type AdminConfig, adminSchema, type Config } from './schema.ts';
import { type UpstreamConfig, upstreamSchema } from './upstream-schema.ts';

/**
 * What references lead to and from. Where a configuration has problems, its parts that have none are still checked
 * against each other, so that every problem is told at once: the others are known by name alone.
 */
export interface ConfigParts {
  /** Undefined where it cannot be told which there are; so are `upstreams`. */
  readonly listeners: readonly Part<ListenerConfig>[] | undefined;
  readonly routes: readonly RoutePart[];
  readonly upstreams: readonly Part<UpstreamConfig>[] | undefined;
  readonly admin: AdminConfig | undefined;
}

export interface Part<T> {
  /** Undefined where there is none, or none that can be told. */
  readonly name: string | undefined;
  /** Undefined where it has problems. */
  readonly value: T | undefined;
}

export interface RoutePart extends Part<RouteConfig>, RouteReferences {}

/** Known even where the route has problems. */
interface RouteReferences {
  readonly upstream?: string | undefined;
  readonly listeners: readonly unknown[];
}

export function partsOf({ listeners, routes, upstreams, admin }: Config): ConfigParts {
  return {
    listeners: listeners.map((value) => ({ name: value.name, value })),
    routes: routes.map((value) => ({
      name: value.name,
      value,
      upstream: value.upstream,
      listeners: value.listeners ?? [],
    })),
    upstreams: Object.entries(upstreams).map(([name, value]) => ({ name, value })),
    admin: admin === false ? undefined : admin,
  };
}

/** The sections as far as they are of the right type. */
const outline = z.object({
  listeners: z.array(z.unknown()).optional().catch(undefined),
  routes: z.array(z.unknown()).catch([]),
  upstreams: z.record(z.string(), z.unknown()).nullable().default({}).catch(null),
  admin: z.unknown().default({}),
});

const nothing = { listeners: undefined, routes: [], upstreams: null, admin: undefined };

const references = z
  .object({
    upstream: z.string().optional().catch(undefined),
    listeners: z.array(z.unknown()).catch([]),
  })
  .catch({ upstream: undefined, listeners: [] });

const named = z.object({ name: z.string().optional() });

/** The parts of a configuration that is not right as a whole. */
export function salvageParts(value: unknown): ConfigParts {
  const { listeners, routes, upstreams, admin } = outline.safeParse(value).data ?? nothing;
  return {
    listeners: listeners?.map((each) => salvage(listenerSchema, each)),
    routes: routes.map((each) => ({ ...references.parse(each), ...salvage(routeSchema, each) })),
    upstreams:
      upstreams === null
        ? undefined
        : Object.entries(upstreams).map(([name, each]) => ({ ...salvage(upstreamSchema, each), name })),
    admin: adminSchema.safeParse(admin).data,
  };
}

function salvage<T>(schema: z.ZodType<T>, value: unknown): Part<T> {
  return { name: named.safeParse(value).data?.name, value: schema.safeParse(value).data };
}
