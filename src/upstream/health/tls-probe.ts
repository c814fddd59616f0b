import { constants } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { tlsAlert, tlsAlertName } from '../../tls/alert.ts';
import type { Probe, ProbeResult, ShownByTls } from './probe.ts';
import { readSocket } from './probe-socket.ts';
import { socketFailure } from './socket-failure.ts';

/**
 * With these a server turns down a client without a certificate (OpenSSL sends handshake_failure for that before
 * TLS 1.3). Sent after the server has shown its own certificate they mean that TLS answers.
 */
const clientCertificateAlerts: ReadonlySet<number> = new Set([
  tlsAlert.handshake_failure,
  tlsAlert.bad_certificate,
  tlsAlert.unsupported_certificate,
  tlsAlert.certificate_unknown,
  tlsAlert.unknown_ca,
  tlsAlert.access_denied,
  tlsAlert.certificate_required,
]);

/** What OpenSSL makes of bytes that are no TLS record. */
const notTlsCodes: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_UNEXPECTED_MESSAGE',
]);

/**
 * Passes when the endpoint completes a TLS 1.2 or 1.3 handshake, whatever certificate it shows, or gets as far as
 * to want one of ours. Offers no ALPN protocol, and a server name only where one is configured.
 */
export const probeTls: Probe = (endpoint, settings, signal) => {
  const serverName = settings.serverName;
  const socket = connect({
    host: endpoint.address,
    port: endpoint.port,
    // RFC 6066 section 3 has no server name for addresses.
    servername: serverName === undefined || isIP(serverName) !== 0 ? '' : serverName,
    secureContext: sharedContext(),
    rejectUnauthorized: false,
  });
  const shown = (): ShownByTls => ({
    version: socket.getProtocol() ?? undefined,
    certificateExpiresAtMs: certificateExpiry(socket),
  });
  const reading = {
    success: 'secureConnect',
    passed: (): ProbeResult => {
      const seen = shown();
      return { kind: 'passed', why: `answers with ${seen.version ?? 'TLS'}`, shown: seen };
    },
    failed: (error: NodeJS.ErrnoException) => tlsFailure(error, shown()),
    missing: (connected: boolean) => (connected ? 'no TLS answer' : 'no connection'),
  } as const;
  return readSocket(socket, reading, settings.timeoutMs, signal);
};

function tlsFailure(error: NodeJS.ErrnoException, shown: ShownByTls): ProbeResult {
  const [, alert] = /SSL alert number (\d+)/.exec(error.message) ?? [];
  if (alert !== undefined) {
    const description = Number(alert);
    return shown.certificateExpiresAtMs !== undefined && clientCertificateAlerts.has(description)
      ? { kind: 'passed', why: 'answers with TLS and wants a client certificate', shown }
      : { kind: 'failed', why: `TLS alert ${tlsAlertName(description) ?? description}` };
  }
  if (error.code !== undefined && notTlsCodes.has(error.code)) {
    return { kind: 'failed', why: 'the answer is not TLS' };
  }
  if (error.code?.startsWith('ERR_SSL_')) {
    const reason = error.code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ');
    return { kind: 'failed', why: `TLS handshake failed: ${reason}` };
  }
  // Node's own wording for a FIN in the midst of the handshake, under the code of a reset.
  return error.message.includes('before secure TLS connection')
    ? { kind: 'failed', why: 'closed before TLS answered' }
    : socketFailure(error);
}

/** The server certificate's notAfter; undefined until it has shown one. */
function certificateExpiry(socket: TLSSocket): number | undefined {
  // Not getPeerX509Certificate: on Node 20 neither method finds anything once that one was called. This one gives
  // null, whatever its type says, once the socket is destroyed.
  const expiresAtMs = Date.parse(socket.getPeerCertificate()?.valid_to ?? '');
  return Number.isNaN(expiresAtMs) ? undefined : expiresAtMs;
}

let context: SecureContext | undefined;

/** One for all probes: making one costs more than a handshake. It asks whether TLS answers, not how well. */
function sharedContext(): SecureContext {
  context ??= createSecureContext({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    // Weak keys and certificates are the clients' business, and so are servers from before RFC 5746.
    ciphers: 'DEFAULT:@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
  return context;
}
