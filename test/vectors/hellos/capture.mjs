// Records the first flight of real TLS clients into captured/NAME.bin, byte for byte.
// usage: node test/vectors/hellos/capture.mjs [NAME …]      (no name: every client; needs the clients installed)
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clients } from './clients.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'hellos-'));
/** A client has sent its first flight when it has been silent for this long after its last byte. */
const silenceMs = 400;
const patienceMs = 60_000;

/** What the first client to connect sends before it waits for an answer. */
function recordFirstFlight(server) {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error('the client sent nothing')), patienceMs);
    server.once('connection', (socket) => {
      const chunks = [];
      let silence;
      const finish = () => {
        clearTimeout(patience);
        clearTimeout(silence);
        socket.destroy();
        resolve(Buffer.concat(chunks));
      };
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        clearTimeout(silence);
        silence = setTimeout(finish, silenceMs);
      });
      socket.on('end', finish);
      socket.on('error', finish);
    });
  });
}

async function capture(client) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const flight = recordFirstFlight(server);
  const { command, prepare } = client.run({ port, scratch });
  if (prepare) prepare();
  const child = spawn(command[0], command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: scratch,
    detached: true,
    env: { ...process.env, HOME: scratch, ...client.env },
  });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  child.on('error', (error) => (said += error.message));
  try {
    const bytes = await flight;
    writeFileSync(join(here, 'captured', `${client.name}.bin`), bytes);
    console.log(`${client.name}: ${bytes.length} bytes`);
  } catch (error) {
    console.error(`${client.name}: ${error.message}\n${said.slice(-800)}`);
    process.exitCode = 1;
  } finally {
    server.close();
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

const wanted = process.argv.slice(2);
mkdirSync(join(here, 'captured'), { recursive: true });
spawnSync(
  'openssl',
  `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=shop.example.com
   -keyout key.pem -out cert.pem`.split(/\s+/),
  { cwd: scratch },
);
for (const client of clients) {
  if (wanted.length === 0 || wanted.includes(client.name)) await capture(client);
}
rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
