import type { z } from 'zod';

import { isTlsAlertName, tlsAlert } from '../tls/alert.ts';
import { exactlyOneOf, list, oneOfKeys, section, text, word } from './fields.ts';
import { name, prefix, serverNamePattern } from './name-fields.ts';
import { type Parsed, parsed, refused } from './parsed.ts';
import type { RouteAction } from './snapshot.ts';
import { nearest, quotedList, show } from './wording.ts';

type Rejection = Extract<RouteAction, { kind: 'reject' }>['how'];

/** The alerts to name where one is unknown: those that fit a connection refused by its ClientHello. */
const usualRejections = [
  'unrecognized_name',
  'access_denied',
  'handshake_failure',
  'no_application_protocol',
  'internal_error',
  'reset',
  'close',
] as const;

function parseRejection(written: string): Parsed<Rejection> {
  if (written === 'reset' || written === 'close') return parsed(written);
  if (isTlsAlertName(written)) return parsed({ alert: tlsAlert[written] });
  const near = nearest(written, [...Object.keys(tlsAlert), 'reset', 'close']);
  const guess = near === undefined ? '' : ` did you mean "${near}"?`;
  const allowed = `${guess === '' ? 'allowed' : 'Allowed'} are the names of TLS alerts, "reset" and "close"`;
  return refused(`${show(written)} is not the name of a TLS alert;${guess} ${allowed}`);
}

const maxProtocolBytes = 255;

function parseProtocol(written: string): Parsed<string> {
  const bytes = Buffer.byteLength(written);
  if (bytes >= 1 && bytes <= maxProtocolBytes) return parsed(written);
  return refused(
    `${show(written)} has ${bytes} bytes; allowed are protocols of 1 to ${maxProtocolBytes} bytes`,
  );
}

export const routeSchema = section(
  'Which connections go where. The order of routes never matters: an exact server name beats the longest wildcard, which beats `*`, which beats no server names.',
  {
    name: name(
      'What the log and the metrics call this route. Unique; absent: made from the server names.',
      'shop',
    ).optional(),
    serverNames: list(
      'The names a client may ask for. Absent: every connection, one without a name and plain TCP included.',
      serverNamePattern(
        'An exact name, `*.example.com` for names under it (never `example.com` itself), or `*` for any name.',
      ),
      '["shop.example.com", "*.shop.example.com"]',
    ).optional(),
    wildcard: word('How many labels the `*` of `*.example.com` stands for.', [
      'any-depth',
      'one-label',
    ]).prefault('any-depth'),
    alpn: list(
      'The client must offer one of these protocols. Absent: any or none.',
      text({
        parse: parseProtocol,
        allowed: 'are protocol names such as "h2"',
        description: "A protocol's name in the ALPN extension.",
        examples: ['h2', 'http/1.1'],
      }),
      '["h2", "http/1.1"]',
    ).optional(),
    sources: list(
      "The client's address must be in one of these; it is the PROXY header's, where one is accepted. Absent: any.",
      prefix('An address or an address prefix, such as `203.0.113.0/24`.'),
      '["203.0.113.0/24"]',
    ).optional(),
    listeners: list(
      'The listeners this route is for. Absent: all.',
      name('The name of a listener.', 'edge'),
      '["edge"]',
    ).optional(),
    upstream: name('The upstream these connections are forwarded to.', 'shop').optional(),
    reject: text({
      parse: parseRejection,
      allowed: `are the names of TLS alerts, "reset" and "close", such as ${quotedList(usualRejections)}`,
      description:
        'Refuses these connections instead: with a TLS alert by its registered name, with `reset` (RST) or with `close` (FIN).',
      examples: usualRejections,
    }).optional(),
  },
)
  .refine(...exactlyOneOf('upstream', 'reject'))
  .meta(oneOfKeys('upstream', 'reject'));

export type RouteConfig = z.output<typeof routeSchema>;
