import type { z } from 'zod';

import { allowedListenAddresses, parseListenAddress } from './address.ts';
import { duration, list, section, size, text } from './fields.ts';
import { name, prefix } from './name-fields.ts';

export const listenerSchema = section('A socket that clients connect to.', {
  name: name('What the log, the metrics and the `listeners` of routes call this listener. Unique.', 'edge'),
  address: text({
    parse: parseListenAddress,
    allowed: allowedListenAddresses,
    description:
      'Where to listen: `HOST:PORT`, `[V6]:PORT`, or `:PORT` for every IPv4 and IPv6 address. Port 0 takes a free one.',
    examples: [':443', '192.0.2.1:443', '[2001:db8::1]:443'],
  }),
  acceptProxyProtocol: section(
    "Takes the client's address from a PROXY protocol header, version 1 or 2. Absent: off.",
    {
      from: list(
        'The peers that may, and then must, start with a header. From anyone else the bytes are not looked at as one.',
        prefix('An address prefix, such as `10.0.0.0/8`.'),
        '["10.0.0.0/8"]',
      ),
    },
  ).optional(),
  helloTimeout: duration(
    'How long a client may take, from accept, for its whole ClientHello, any PROXY header included.',
  ).prefault('5s'),
  maxHelloBytes: size(
    'How much is read of a ClientHello before it is refused: from 512B, which few clients stay under, to 1MiB.',
    { min: 512, max: 1024 ** 2 },
  ).prefault('64KiB'),
});

export type ListenerConfig = z.output<typeof listenerSchema>;
