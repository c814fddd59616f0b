import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, before, describe, it } from 'node:test';
import type { TlsOptions } from 'node:tls';
import type { ActiveHealthSnapshot } from '../../src/config/snapshot.ts';
import { CertificateAuthority, type ServerCertificate } from '../../src/demo/certificate-authority.ts';
import { encodeAlert, tlsAlert } from '../../src/tls/alert.ts';
import type { Probe, ProbeResult } from '../../src/upstream/health/probe.ts';
import { socketFailure } from '../../src/upstream/health/socket-failure.ts';
import { probeTcp } from '../../src/upstream/health/tcp-probe.ts';
import { probeTls } from '../../src/upstream/health/tls-probe.ts';
import { type Listening, settings, startDeaf, TcpPeer, TlsPeer } from './health-peers.ts';

const open: Listening[] = [];
const limits = { timeout: 20_000 };

async function listening<L extends Listening>(starting: Promise<L>): Promise<L> {
  const peer = await starting;
  open.push(peer);
  return peer;
}

function probed(
  probe: Probe,
  { endpoint }: Listening,
  overrides?: Partial<ActiveHealthSnapshot>,
): Promise<ProbeResult> {
  return probe(endpoint, settings(overrides), new AbortController().signal);
}

async function closePeers(): Promise<void> {
  await Promise.all(open.splice(0).map((peer) => peer.close()));
}

describe('a TCP probe', () => {
  afterEach(closePeers);

  it('passes where a connection is accepted, and ends it without a reset', limits, async () => {
    const peer = await listening(TcpPeer.start());
    const [result, socket] = await Promise.all([probed(probeTcp, peer), peer.nextConnection()]);
    assert.deepEqual(result, { kind: 'passed', why: 'accepts connections', shown: undefined });
    const [hadError] = await once(socket, 'close');
    assert.deepEqual([hadError, socket.bytesRead], [false, 0]);
  });

  it('fails where nothing listens', limits, async () => {
    const peer = await TcpPeer.start();
    await peer.close();
    assert.deepEqual(await probed(probeTcp, peer), { kind: 'failed', why: 'connection refused' });
  });

  it('fails when no connection comes about in time', limits, async () => {
    const deaf = await listening(startDeaf());
    const result = await probed(probeTcp, deaf, { timeoutMs: 200 });
    assert.deepEqual(result, { kind: 'failed', why: 'no connection within 0.2s' });
  });

  it('tells nothing of the endpoint when this machine is short of something', () => {
    const failure = (code: string) => socketFailure(Object.assign(new Error(code), { code }));
    assert.equal(failure('EMFILE').kind, 'inconclusive');
    assert.equal(failure('EADDRNOTAVAIL').kind, 'inconclusive');
    assert.deepEqual(failure('EHOSTUNREACH'), { kind: 'failed', why: 'no route to the host' });
    assert.deepEqual(failure('EOTHER'), { kind: 'failed', why: 'EOTHER' });
  });

  it('gives an endpoint its time again when this process was held up meanwhile', limits, async (t) => {
    const deaf = await listening(startDeaf());
    const startedAtMs = performance.now();
    const probing = probed(probeTcp, deaf, { timeoutMs: 100 });
    const { now } = performance;
    t.mock.method(performance, 'now', () => now.call(performance) + 1000);
    assert.deepEqual(await probing, { kind: 'failed', why: 'no connection within 0.1s' });
    assert.ok(now.call(performance) - startedAtMs >= 190);
  });

  it('is given up at once when it is to stop, and leaves no connection', limits, async () => {
    const silent = await listening(TcpPeer.start());
    const stopping = new AbortController();
    const probing = probeTls(silent.endpoint, settings({ probe: 'tls' }), stopping.signal);
    const socket = await silent.nextConnection();
    stopping.abort();
    assert.equal((await probing).kind, 'inconclusive');
    await once(socket, 'close');
  });
});

describe('a TLS probe', () => {
  let good: ServerCertificate;
  let expired: ServerCertificate;

  before(async () => {
    const authority = await CertificateAuthority.create('Probe test');
    good = await authority.issue(['a.test'], 30);
    expired = await authority.issue(['a.test'], -0.5);
  });
  afterEach(closePeers);

  async function probeServer(options: TlsOptions, overrides?: Partial<ActiveHealthSnapshot>) {
    return probed(probeTls, await listening(TlsPeer.start(options)), overrides);
  }

  it('passes when the handshake completes, and tells what it showed', limits, async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      assert.deepEqual(await probeServer({ ...good, minVersion: version, maxVersion: version }), {
        kind: 'passed',
        why: `answers with ${version}`,
        shown: { version, certificateExpiresAtMs: Date.parse(new X509Certificate(good.cert).validTo) },
      });
    }
  });

  it('accepts a certificate that nobody should trust', limits, async () => {
    const result = await probeServer(expired, { serverName: 'other.test' });
    assert.ok(result.kind === 'passed' && (result.shown?.certificateExpiresAtMs ?? Infinity) < Date.now());
  });

  it('sends the server name that is configured, or none, and no ALPN', limits, async () => {
    const peer = await listening(TlsPeer.start({ ...good, ALPNProtocols: ['h2'] }));
    for (const [serverName, seen] of [
      ['a.test', 'a.test'],
      [undefined, false],
      ['127.0.0.1', false],
    ] as const) {
      const [socket] = await Promise.all([peer.nextSecured(), probed(probeTls, peer, { serverName })]);
      const { servername } = Object.assign({ servername: undefined }, socket);
      assert.deepEqual([servername, socket.alpnProtocol], [seen, false]);
    }
  });

  it('ends the connection as a client does', limits, async () => {
    const peer = await listening(TlsPeer.start(good));
    const [socket] = await Promise.all([peer.nextSecured(), probed(probeTls, peer)]);
    const [hadError] = await once(socket, 'close');
    assert.deepEqual([hadError, socket.readableEnded], [false, true]);
  });

  it('passes where the server wants a certificate of ours', limits, async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const result = await probeServer({ ...good, requestCert: true, maxVersion });
      assert.equal(result.kind, 'passed', maxVersion);
      assert.ok(result.kind === 'passed' && result.shown?.certificateExpiresAtMs);
    }
  });

  it('fails for an alert, and names it', limits, async () => {
    const alerting = (alert: number) =>
      listening(TcpPeer.start((socket) => socket.once('data', () => socket.end(encodeAlert(alert)))));
    assert.deepEqual(await probed(probeTls, await alerting(tlsAlert.unrecognized_name)), {
      kind: 'failed',
      why: 'TLS alert unrecognized_name',
    });
    assert.deepEqual(
      await probeServer({ ...good, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }),
      {
        kind: 'failed',
        why: 'TLS alert handshake_failure',
      },
    );
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    assert.deepEqual(await probeServer({ ...good, ...old }), {
      kind: 'failed',
      why: 'TLS alert protocol_version',
    });
  });

  it('fails for an answer that is not TLS', limits, async () => {
    for (const banner of ['SSH-2.0-OpenSSH_9.2\r\n', 'HTTP/1.1 400 Bad Request\r\n\r\n']) {
      const peer = await listening(TcpPeer.start((socket) => socket.write(banner)));
      assert.deepEqual(await probed(probeTls, peer), { kind: 'failed', why: 'the answer is not TLS' });
    }
  });

  it('fails when there is no answer in time', limits, async () => {
    const silent = await listening(TcpPeer.start());
    const result = await probed(probeTls, silent, { timeoutMs: 200 });
    assert.deepEqual(result, { kind: 'failed', why: 'no TLS answer within 0.2s' });
    const deaf = await listening(startDeaf());
    assert.deepEqual(await probed(probeTls, deaf, { timeoutMs: 200 }), {
      kind: 'failed',
      why: 'no connection within 0.2s',
    });
  });

  it('fails when the connection is refused, ended or reset before TLS answers', limits, async () => {
    const whyOf = async (peer: Listening) => {
      const result = await probed(probeTls, peer);
      return result.kind === 'failed' ? result.why : result.kind;
    };
    const ending = await listening(TcpPeer.start((socket) => socket.end()));
    assert.equal(await whyOf(ending), 'closed before TLS answered');
    const resetting = TcpPeer.start((socket) => socket.once('data', () => socket.resetAndDestroy()));
    assert.equal(await whyOf(await listening(resetting)), 'connection reset');
    const gone = await TcpPeer.start();
    await gone.close();
    assert.equal(await whyOf(gone), 'connection refused');
  });
});
