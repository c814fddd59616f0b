import { z } from 'zod';

import { allowedAdminAddresses, parseAdminAddress } from './address.ts';
import { duration, flag, list, rate, section, text, wholeNumber, word } from './fields.ts';
import { listenerSchema } from './listener-schema.ts';
import { name } from './name-fields.ts';
import { parsed, refused } from './parsed.ts';
import { routeSchema } from './route-schema.ts';
import { upstreamSchema } from './upstream-schema.ts';
import { refusal } from './wording.ts';

const connectionsRange = { min: 1, max: 2 ** 31 - 1 };

const limits = section('How much the proxy takes on.', {
  maxConnections: wholeNumber(
    'Live connections of the whole proxy; past it none is accepted until one ends. Absent: as many as the descriptor limit carries.',
    connectionsRange,
  ).optional(),
  maxConnectionsPerSource: wholeNumber(
    'Live connections of one client address (of a /64 for IPv6). Absent: any number.',
    connectionsRange,
  ).optional(),
  newConnectionsPerSource: rate(
    'New connections of one client address (of a /64 for IPv6): a token bucket that holds as many as the number. Absent: any number.',
    { min: 1, max: 1_000_000 },
  ).optional(),
});

const timeouts = section('When live connections are ended.', {
  idle: duration('After no byte in either direction for so long.').prefault('1h'),
  halfClosed: duration('So long after one side ended.').prefault('5m'),
  drain: duration('How long live connections get on shutdown.', { min: 0 }).prefault('30s'),
});

export const adminSchema = section('The HTTP server for health checks, metrics, status, reload and drain.', {
  address: z
    .union(
      [
        z.literal(false),
        text({
          parse: parseAdminAddress,
          allowed: allowedAdminAddresses,
          description: 'An address, or a path after `unix:`.',
        }),
      ],
      {
        error: (issue) => refusal(issue.input, allowedAdminAddresses),
      },
    )
    .meta({
      description: 'Where it listens: `HOST:PORT`, or `unix:/path`; `false` turns it off.',
      examples: ['127.0.0.1:9901', 'unix:/run/sluice.sock', false],
    })
    .prefault('127.0.0.1:9901'),
  token: z
    .string({ error: 'must be in quotes; allowed is text' })
    .regex(/^[\x21-\x7e]+$/, {
      error: 'is no bearer token; allowed are visible ASCII characters without spaces',
    })
    .describe(
      'The bearer token that requests which change something must carry, unless the address is loopback or a unix socket.',
    )
    .optional(),
});

const log = section('What is written where.', {
  level: word('The least severe messages that are logged.', [
    'trace',
    'debug',
    'info',
    'warn',
    'error',
  ]).prefault('info'),
  access: text({
    parse: (written) =>
      written === '' ? refused(`is empty; allowed ${allowedAccessLogs}`) : parsed(written),
    allowed: 'are "stdout", "off" and the path of a file',
    description:
      "Where a line is written for each connection that ended: `stdout`, `off`, or a file's path (opened again on SIGUSR1).",
    examples: ['stdout', 'off', '/var/log/sluice/access.log'],
  }).prefault('stdout'),
});

const allowedAccessLogs = 'are "stdout", "off" and the path of a file';

const countRange = { min: 1, max: 1024 };

const allowedWorkers = `are "auto" and whole numbers from ${countRange.min} to ${countRange.max}`;

/** The whole configuration: its keys, units, defaults and descriptions are here and nowhere else. */
export const configSchema = section('The configuration of Sluice, a TLS-passthrough edge proxy.', {
  workers: z
    .union([z.literal('auto'), wholeNumber('A number of worker processes.', countRange)], {
      error: (issue) => refusal(issue.input, allowedWorkers),
    })
    .describe('Worker processes. `auto`: the CPUs this process may use, its cgroup limit included.')
    .prefault('auto'),
  dataPlane: word(
    'What moves the bytes. `auto`: `native` (C++) on Linux when the addon loads, else `portable` (Node.js).',
    ['auto', 'native', 'portable'],
  ).prefault('auto'),
  listeners: list('The sockets that clients connect to.', listenerSchema, '[{name: edge, address: ":443"}]'),
  routes: z
    .array(routeSchema, {
      error: (issue) =>
        refusal(issue.input, 'is a list such as [{serverNames: [shop.example.com], upstream: shop}]'),
    })
    .describe(
      'Which connections go where. Their order never matters. What no route matches gets `unrecognized_name`.',
    )
    .prefault([]),
  upstreams: z
    .record(name('The name of an upstream.', 'shop'), upstreamSchema, {
      error: (issue) => refusal(issue.input, 'is a mapping such as {shop: {endpoints: ["192.0.2.1:8443"]}}'),
    })
    .describe('Where connections are forwarded to, by the name that routes give.')
    .prefault({}),
  limits: limits.prefault({}),
  timeouts: timeouts.prefault({}),
  admin: z
    .union([z.literal(false), adminSchema], {
      error: (issue) =>
        refusal(
          issue.input,
          'are a mapping with keys of "address" and "token", and false for no admin server',
        ),
    })
    .describe('The HTTP server for health checks, metrics, status, reload and drain; `false` turns it off.')
    .prefault({}),
  log: log.prefault({}),
  user: name(
    'The user the workers run as once the sockets are bound. Absent: the one who started them.',
    'nobody',
  ).optional(),
  watch: flag('Whether to reload when the file changes.').prefault(false),
});

export type Config = z.output<typeof configSchema>;
export type AdminConfig = z.output<typeof adminSchema>;
