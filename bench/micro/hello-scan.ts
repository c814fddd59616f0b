// What reading a ClientHello costs. usage: npx tsx bench/micro/hello-scan.ts
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { capturedHellos } from '../../test/tls/hello-corpus.ts';
import { type AnyHelloScanner, nativeScanner } from '../../test/tls/scanners.ts';

const rounds = 5;
const callsPerRound = 200_000;
const subjects = ['curl-default', 'chromium'];

/** The best of a few rounds, in nanoseconds a call: what disturbs the machine only ever adds. */
function nanosecondsPerCall(call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < callsPerRound; index++) call();
    const each = Number(process.hrtime.bigint() - start) / callsPerRound;
    // The first round warms up.
    if (round > 0 && each < best) best = each;
  }
  return best;
}

function report(what: string, nanoseconds: number): void {
  console.log(`${what.padEnd(52)} ${nanoseconds.toFixed(0).padStart(7)} ns`);
}

function benchScanner(what: string, scanner: AnyHelloScanner, bytes: Uint8Array): void {
  report(
    what,
    nanosecondsPerCall(() => {
      scanner.reset();
      return scanner.scan(bytes);
    }),
  );
}

/** The C++ scanner where the engine calls it, without N-API in between. */
function benchCore(files: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'hello-scan-'));
  const program = join(folder, 'hello_scan');
  const sources = ['bench/micro/hello_scan.cc', 'native/client_hello.cc', 'native/hello_body.cc'];
  const flags = ['-std=c++17', '-O2', '-fno-exceptions', '-fno-rtti', '-Inative'];
  const built = spawnSync('c++', [...flags, ...sources, '-o', program], { encoding: 'utf8' });
  if (built.status === 0) spawnSync(program, files, { stdio: 'inherit' });
  else console.log(`the C++ core was not measured: ${built.error?.message ?? built.stderr}`);
  rmSync(folder, { recursive: true });
}

for (const name of subjects) {
  const bytes = capturedHellos.find((hello) => hello.name === name)?.bytes;
  if (bytes === undefined) throw new Error(`there is no captured hello ${name}`);
  const of = `${name}, ${bytes.length} bytes`;
  benchScanner(`${of}: TypeScript scan`, new HelloScanner(65_536), bytes);
  if (nativeScanner) benchScanner(`${of}: C++ scan through N-API`, new nativeScanner(65_536), bytes);
  const scanner = new HelloScanner(65_536);
  scanner.scan(bytes);
  const hello = () => new ClientHello(scanner.message, scanner.facts);
  report(
    `${of}: serverName`,
    nanosecondsPerCall(() => hello().serverName),
  );
  report(
    `${of}: alpn`,
    nanosecondsPerCall(() => hello().alpn),
  );
  report(
    `${of}: ja4`,
    nanosecondsPerCall(() => hello().ja4),
  );
}
const folder = mkdtempSync(join(tmpdir(), 'hellos-'));
const files = subjects.map((name) => join(folder, name));
for (const file of files) {
  const bytes = capturedHellos.find(({ name }) => file.endsWith(name))?.bytes;
  if (bytes) writeFileSync(file, bytes);
}
benchCore(files);
rmSync(folder, { recursive: true });
