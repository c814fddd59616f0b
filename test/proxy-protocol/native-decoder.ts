import { createRequire } from 'node:module';
import { formatIpv4, formatIpv6 } from '../../src/ip/ip-address.ts';
import {
  type DecodedProxyHeader,
  malformedProxyHeaderReasons,
  type ProxyAddress,
} from '../../src/proxy-protocol/proxy-header.ts';

interface Addon {
  /** Fills `facts` and `addresses`; native/proxy_header_wrap.cc has the layout. */
  decodeProxyHeader(input: Uint8Array, facts: Int32Array, addresses: Uint8Array): void;
}

const addon: Addon = createRequire(import.meta.url)('../../build/Release/sluice.node');
const facts = new Int32Array(9);
const addresses = new Uint8Array(32);

/** The C++ decoder's answer in the form of the TypeScript one's. It tells nothing of TLVs. */
export function decodeProxyHeaderNatively(input: Uint8Array): DecodedProxyHeader {
  addon.decodeProxyHeader(input, facts, addresses);
  const [status, neededBytes = 0, reason = 0, bytes = 0, version] = facts;
  if (status === 1) return { kind: 'incomplete', neededBytes };
  if (status === 2)
    return { kind: 'malformed', reason: malformedProxyHeaderReasons[reason] ?? missing(reason) };
  return {
    kind: 'header',
    bytes,
    version: version === 1 ? 1 : 2,
    source: addressOf(facts[5], facts[6], 0),
    destination: addressOf(facts[7], facts[8], 16),
    tlvs: [],
  };
}

function addressOf(family = 0, port = 0, at: number): ProxyAddress | undefined {
  if (family === 4) return { address: formatIpv4(addresses, at), port, family };
  if (family === 6) return { address: formatIpv6(addresses, at), port, family };
  return undefined;
}

function missing(reason: number): never {
  throw new Error(`the C++ decoder has a reason ${reason} that the TypeScript one has not`);
}
