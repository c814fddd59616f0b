import type { SendProxySnapshot } from '../config/snapshot.ts';
import type { Connection } from '../data-plane/data-plane.ts';
import { encodeProxyV1, encodeProxyV2 } from '../proxy-protocol/encode.ts';
import type { ConnectionRecord } from './connection-record.ts';

/** The PROXY header that tells an endpoint about a connection, as its upstream is configured. */
export function proxyHeader(
  connection: Connection,
  record: ConnectionRecord,
  { version, tlvs }: SendProxySnapshot,
): Uint8Array {
  const { client: source, destination } = connection;
  if (version === 1) return encodeProxyV1(source, destination);
  return encodeProxyV2({
    source,
    destination,
    tlvs: {
      authority: tlvs.includes('authority') ? record.sentServerName : undefined,
      alpn: tlvs.includes('alpn') ? record.profile?.alpn[0] : undefined,
      uniqueId: tlvs.includes('unique-id') ? record.id : undefined,
      ja4: tlvs.includes('ja4') ? record.profile?.ja4 : undefined,
      crc32c: tlvs.includes('crc32c'),
    },
  });
}
