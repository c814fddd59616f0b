// The clients that capture.mjs records, and how each is called.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const name = 'shop.example.com';

/** A client whose command needs nothing but the port. */
function simple(clientName, command) {
  return { name: clientName, run: ({ port }) => ({ command: command(port) }) };
}

function curl(clientName, ...flags) {
  return simple(clientName, (port) => [
    'curl',
    '-sk',
    '--resolve',
    `${name}:${port}:127.0.0.1`,
    ...flags,
    `https://${name}:${port}/`,
  ]);
}

function openssl(clientName, ...flags) {
  return simple(clientName, (port) => ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, ...flags]);
}

/** An s_client that resumes the session a real server on a port of its own has just given it. */
function opensslResumed(clientName, version, ...flags) {
  return {
    name: clientName,
    run: ({ port, scratch }) => ({
      prepare: () => openTicket(scratch, version),
      command:
        `openssl s_client -connect 127.0.0.1:${port} -servername ${name} ${version} -sess_in session.pem`
          .split(' ')
          .concat(flags),
    }),
  };
}

/** Leaves session.pem, a session with a ticket (and early data allowed), in `scratch`. */
function openTicket(scratch, version) {
  const serverPort = 20_000 + (process.pid % 10_000);
  const server = spawn(
    'openssl',
    `s_server -accept ${serverPort} -cert cert.pem -key key.pem -early_data -quiet`.split(' '),
    { cwd: scratch, stdio: 'ignore' },
  );
  const client = `openssl s_client -connect 127.0.0.1:${serverPort} -servername ${name} ${version} -sess_out session.pem`;
  // The tickets of TLS 1.3 come after the handshake, so the client may not leave at once.
  spawnSync('sh', ['-c', `sleep 1; sleep 2 | ${client}`], { cwd: scratch, stdio: 'ignore' });
  server.kill('SIGKILL');
  writeFileSync(join(scratch, 'early.txt'), 'GET / HTTP/1.0\r\n\r\n');
}

function gnutls(clientName, ...flags) {
  return simple(clientName, (port) => [
    'gnutls-cli',
    '--insecure',
    '-p',
    String(port),
    ...flags,
    '127.0.0.1',
  ]);
}

function nss(clientName, versions, ...flags) {
  return simple(clientName, (port) =>
    ['tstclnt', '-h', '127.0.0.1', '-p', String(port), '-a', name, '-V', versions, '-o', '-D'].concat(flags),
  );
}

/** A client given as a program's text in a file. */
function program(clientName, file, text, command) {
  return {
    name: clientName,
    run: ({ port, scratch }) => ({
      prepare: () => writeFileSync(join(scratch, file), text),
      command: command(port),
    }),
    // Go keeps its build cache out of HOME.
    env: { GOCACHE: '/tmp/sluice-go-cache', GOFLAGS: '-mod=mod' },
  };
}

const goProgram = `package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
)

func main() {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return net.Dial(network, "127.0.0.1:"+os.Args[1])
	}
	config := &tls.Config{InsecureSkipVerify: true}
	if len(os.Args) > 2 {
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: config, ForceAttemptHTTP2: true}}
	client.Get("https://${name}/")
}
`;

const javaProgram = `import java.util.List;
import javax.net.ssl.*;

public class Client {
  public static void main(String[] arguments) throws Exception {
    var socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket("127.0.0.1", Integer.parseInt(arguments[0]));
    var parameters = socket.getSSLParameters();
    parameters.setServerNames(List.of(new SNIHostName("${name}")));
    parameters.setApplicationProtocols(new String[] {"h2", "http/1.1"});
    socket.setSSLParameters(parameters);
    socket.startHandshake();
  }
}
`;

const pythonProgram = `import socket, ssl, sys
context = ssl.create_default_context()
context.set_alpn_protocols(sys.argv[2:])
context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="${name}")
`;

const nodeProgram = `import { connect } from 'node:tls';
const [port, ...alpn] = process.argv.slice(2);
connect({ host: '127.0.0.1', port: Number(port), servername: '${name}', ALPNProtocols: alpn }).on('error', () => {});
`;

function chromium(clientName, url, ...flags) {
  return {
    name: clientName,
    run: ({ port, scratch }) => ({
      command: [
        'chromium',
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
        `--user-data-dir=${join(scratch, clientName)}`,
        `--host-resolver-rules=MAP ${name} 127.0.0.1`,
        ...flags,
        '--dump-dom',
        url(port),
      ],
    }),
  };
}

function firefox(clientName) {
  return {
    name: clientName,
    run: ({ port, scratch }) => {
      const profile = join(scratch, clientName);
      const preferences = [
        ['network.dns.forceResolve', '127.0.0.1'],
        ['network.captive-portal-service.enabled', false],
        ['network.connectivity-service.enabled', false],
        ['app.normandy.enabled', false],
        ['datareporting.policy.dataSubmissionEnabled', false],
        ['browser.safebrowsing.malware.enabled', false],
        ['browser.safebrowsing.phishing.enabled', false],
        ['browser.shell.checkDefaultBrowser', false],
        ['services.settings.server', 'http://127.0.0.1:1/'],
      ];
      const lines = preferences.map(
        ([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});\n`,
      );
      return {
        prepare: () => {
          mkdirSync(profile, { recursive: true });
          writeFileSync(join(profile, 'user.js'), lines.join(''));
        },
        command: [
          'firefox-esr',
          '--headless',
          '--no-remote',
          '--profile',
          profile,
          `https://${name}:${port}/`,
        ],
      };
    },
  };
}

const manyProtocols = Array.from({ length: 60 }, (_, index) => `protocol-number-${index}`).join(',');

export const clients = [
  curl('curl-default'),
  curl('curl-tls12', '--tls-max', '1.2'),
  curl('curl-no-alpn', '--no-alpn'),
  curl('curl-http1', '--http1.1'),
  simple('curl-ip', (port) => ['curl', '-sk', `https://127.0.0.1:${port}/`]),
  openssl('openssl-default', '-servername', name),
  openssl('openssl-tls10', '-servername', name, '-tls1', '-cipher', 'DEFAULT@SECLEVEL=0'),
  openssl('openssl-tls11', '-servername', name, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'),
  openssl('openssl-tls12', '-servername', name, '-tls1_2'),
  openssl('openssl-tls13', '-servername', name, '-tls1_3'),
  openssl('openssl-no-sni', '-noservername'),
  openssl('openssl-no-ticket', '-servername', name, '-no_ticket'),
  openssl('openssl-external-psk', '-servername', name, '-psk', '1a2b3c4d', '-psk_identity', 'edge'),
  openssl('openssl-status-npn', '-servername', name, '-tls1_2', '-status', '-nextprotoneg', 'h2,http/1.1'),
  openssl('openssl-one-cipher', '-servername', name, '-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'),
  openssl('openssl-alpn-one-character', '-servername', name, '-alpn', 'x'),
  openssl('openssl-records', '-servername', name, '-alpn', manyProtocols, '-max_send_frag', '512'),
  opensslResumed('openssl-resumed-tls12', '-tls1_2'),
  opensslResumed('openssl-resumed-tls13', '-tls1_3'),
  opensslResumed('openssl-early-data', '-tls1_3', '-early_data', 'early.txt'),
  gnutls('gnutls-default', '--sni-hostname', name, '--alpn', 'h2', '--alpn', 'http/1.1'),
  gnutls('gnutls-no-sni', '--disable-sni'),
  gnutls('gnutls-tls10', '--sni-hostname', name, '--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.0'),
  gnutls(
    'gnutls-no-extensions',
    '--priority',
    'NORMAL:-VERS-ALL:+VERS-TLS1.0:%NO_EXTENSIONS:%DISABLE_SAFE_RENEGOTIATION',
  ),
  nss('nss-default', 'tls1.0:tls1.3'),
  nss('nss-ssl3', 'ssl3:ssl3'),
  simple('wget', (port) => [
    'wget',
    '--no-check-certificate',
    '-T',
    '5',
    '-t',
    '1',
    `https://localhost:${port}/`,
  ]),
  program('python-ssl', 'client.py', pythonProgram, (port) => ['python3', 'client.py', String(port)]),
  program('python-alpn', 'client.py', pythonProgram, (port) => [
    'python3',
    'client.py',
    String(port),
    'http/1.1',
    'acme-tls/1',
  ]),
  program('node', 'client.mjs', nodeProgram, (port) => [process.execPath, 'client.mjs', String(port)]),
  program('node-h2', 'client.mjs', nodeProgram, (port) => [
    process.execPath,
    'client.mjs',
    String(port),
    'h2',
  ]),
  program('go-http', 'client.go', goProgram, (port) => ['go', 'run', 'client.go', String(port)]),
  program('go-tls10', 'client.go', goProgram, (port) => ['go', 'run', 'client.go', String(port), 'tls10']),
  program('java', 'Client.java', javaProgram, (port) => ['java', 'Client.java', String(port)]),
  chromium('chromium', (port) => `https://${name}:${port}/`),
  chromium('chromium-ip', (port) => `https://127.0.0.1:${port}/`),
  firefox('firefox'),
];
