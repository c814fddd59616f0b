import { z } from 'zod';

import {
  allowedDialAddresses,
  allowedNamesWithPort,
  allowedServices,
  parseDialAddress,
  parseNameWithPort,
  parseService,
} from './address.ts';
import {
  duration,
  exactlyOneOf,
  flag,
  isMapping,
  list,
  oneOfKeys,
  percentage,
  section,
  text,
  wholeNumber,
  word,
} from './fields.ts';
import { serverName, serverNamePattern } from './name-fields.ts';
import { refusal } from './wording.ts';

const address = text({
  parse: parseDialAddress,
  allowed: allowedDialAddresses,
  description: 'One address: `HOST:PORT` or `[V6]:PORT`. A host that is a name is looked up as `dns` is.',
  examples: ['192.0.2.1:8443', '[2001:db8::1]:8443', 'app.internal:8443'],
});

const endpointSchema = section('Where to connect to: exactly one of `address`, `dns` and `srv`.', {
  address: address.optional(),
  dns: text({
    parse: parseNameWithPort,
    allowed: allowedNamesWithPort,
    description: 'Every A and AAAA record of a name, looked up again as their time to live ends.',
    examples: ['app.internal:8443'],
  }).optional(),
  srv: text({
    parse: parseService,
    allowed: allowedServices,
    description: 'The SRV records of a service; their priority and weight are honoured.',
    examples: ['_https._tcp.app.internal'],
  }).optional(),
  weight: wholeNumber('The share of new connections, next to the other weights; 0 gets none.', {
    min: 0,
    max: 65535,
  }).prefault(1),
})
  .refine(...exactlyOneOf('address', 'dns', 'srv'))
  .meta(oneOfKeys('address', 'dns', 'srv'));

const endpoints = list(
  'Where to connect to.',
  z.union([address, endpointSchema], {
    error: (issue) =>
      refusal(issue.input, `${allowedDialAddresses}, and mappings with "address", "dns" or "srv"`),
  }),
  '["192.0.2.1:8443"]',
);

const askedName = section(
  'Connects to the very name the client asks for, looked up in DNS. Such an upstream has no `endpoints`.',
  {
    port: wholeNumber('The port to connect to.', { min: 1, max: 65535 }).prefault(443),
    allow: list(
      'The names that may be asked for; others are rejected. `*` opens the proxy to every name.',
      serverNamePattern('A server name pattern, as in routes.'),
      '["*.example.org"]',
    ),
    allowPrivate: flag(
      'Whether names may resolve to loopback, link-local, private and other special-use addresses.',
    ).prefault(false),
  },
);

const sendProxyProtocol = section(
  'Starts every connection to an endpoint with a PROXY protocol header. Absent: off.',
  {
    version: z
      .literal([1, 2], { error: (issue) => refusal(issue.input, 'are 1 and 2') })
      .describe('The version of the protocol: 1 is text, 2 is binary and can carry `tlvs`.'),
    tlvs: list(
      'What else the header tells, version 2 only. Absent: nothing.',
      word('One type-length-value of the header.', ['authority', 'alpn', 'unique-id', 'crc32c', 'ja4']),
      '["authority", "alpn"]',
    ).optional(),
  },
).refine(({ version, tlvs }) => version !== 1 || tlvs === undefined, {
  path: ['tlvs'],
  error: 'needs a header that can carry it; allowed with version 2 only',
  when: isMapping,
});

const countRange = { min: 1, max: 1000 };

const activeHealth = section('Asks each endpoint, again and again, whether it answers. Absent: off.', {
  probe: word('`tcp` connects; `tls` also does a handshake and reports the certificate.', [
    'tcp',
    'tls',
  ]).prefault('tcp'),
  interval: duration('The time from one probe of an endpoint to the next.').prefault('5s'),
  timeout: duration('How long an endpoint may take to answer.').prefault('2s'),
  healthyAfter: wholeNumber('How many answers in a row bring an endpoint back.', countRange).prefault(2),
  unhealthyAfter: wholeNumber(
    'How many probes in a row must fail to take an endpoint out.',
    countRange,
  ).prefault(3),
  serverName: serverName('The name a `tls` probe asks for. Absent: none.').optional(),
}).refine(({ probe, serverName: asked }) => probe === 'tls' || asked === undefined, {
  path: ['serverName'],
  error: 'is asked for in a TLS handshake; allowed with "probe: tls" only',
  when: isMapping,
});

const passiveHealth = section('Takes out endpoints that real connections fail on, for a while.', {
  failures: wholeNumber('How many connections must fail within `window` for an endpoint to be ejected.', {
    min: 1,
    max: 1_000_000,
  }).prefault(3),
  window: duration('The time within which failures are counted.').prefault('10s'),
  ejectFor: duration('How long an ejected endpoint gets no new connections.').prefault('30s'),
  maxEjected: percentage('The share of the endpoints that may be ejected at a time.').prefault('50%'),
});

const health = section('How endpoints that do not work are found.', {
  active: activeHealth.optional(),
  passive: z
    .union([z.literal(false), passiveHealth], {
      error: (issue) => refusal(issue.input, 'are a mapping such as {failures: 3, window: 10s}, and false'),
    })
    .describe('Takes out endpoints that real connections fail on, for a while; `false` turns it off.')
    .prefault({}),
});

export const upstreamSchema = section('A named set of endpoints, and how to use them.', {
  endpoints: endpoints.optional(),
  serverName: askedName.optional(),
  balance: word('How the endpoint of a new connection is chosen.', [
    'round-robin',
    'least-connections',
    'random-two-choices',
    'source-hash',
    'server-name-hash',
  ]).prefault('round-robin'),
  connectTimeout: duration('How long one attempt to connect may take.').prefault('3s'),
  connectAttempts: wholeNumber('How many attempts to connect, each on another endpoint while there is one.', {
    min: 1,
    max: 100,
  }).prefault(3),
  sendProxyProtocol: sendProxyProtocol.optional(),
  maxConnections: wholeNumber(
    'How many connections the whole proxy may have to this upstream; past it they are refused. Absent: any number.',
    { min: 1, max: 2 ** 31 - 1 },
  ).optional(),
  health: health.prefault({}),
  slowStart: duration(
    'How long an endpoint that came back takes to get its full share of new connections. Absent: off.',
  ).optional(),
})
  .refine(...exactlyOneOf('endpoints', 'serverName'))
  .refine(
    ({ serverName: dynamic, health: checks }) => dynamic === undefined || checks?.active === undefined,
    {
      path: ['health', 'active'],
      error: 'has no endpoints to probe beside "serverName"; allowed with "endpoints" only',
      when: isMapping,
    },
  )
  .meta(oneOfKeys('endpoints', 'serverName'));

export type UpstreamConfig = z.output<typeof upstreamSchema>;
export type EndpointConfig = NonNullable<UpstreamConfig['endpoints']>[number];
