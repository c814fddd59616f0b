import { decodeProxyV1 } from './decode-v1.ts';
import { decodeProxyV2 } from './decode-v2.ts';
import { type DecodedProxyHeader, proxySignatureV1, proxySignatureV2 } from './proxy-header.ts';

/**
 * Decodes the PROXY protocol header, version 1 or 2, that a connection must start with. `input` is what arrived so
 * far, from the connection's first byte on, and may go on after the header: call again with more while it is
 * `incomplete`. Call it only for a peer that is trusted to say who the client is.
 */
export function decodeProxyHeader(input: Uint8Array): DecodedProxyHeader {
  const isVersion2 = input[0] === proxySignatureV2[0];
  const signature = isVersion2 ? proxySignatureV2 : proxySignatureV1;
  const present = Math.min(signature.length, input.length);
  for (let at = 0; at < present; at++) {
    if (input[at] !== signature[at]) return { kind: 'malformed', reason: 'not_a_header' };
  }
  if (present < signature.length) return { kind: 'incomplete', neededBytes: input.length + 1 };
  return isVersion2 ? decodeProxyV2(input) : decodeProxyV1(input);
}
