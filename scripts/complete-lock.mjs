// Adds to package-lock.json the optional platform packages that `npm install` leaves out where the registry in use does
// not carry them. `npm ci` refuses a lock without them, on every platform. Run it after `npm install` (npm run lock).
import { readFileSync, writeFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const platforms = /android|darwin|linux|freebsd|netbsd|openbsd|win32|openharmony|sunos|aix|wasi/;
const processors = /arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el|wasm32/;

for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`;
    if (lock.packages[at] || lock.packages[`${path}/${at}`]) continue;
    const os = platforms.exec(name)?.[0];
    const cpu = processors.exec(name)?.[0];
    if (!os || !cpu) throw new Error(`${name}: cannot tell its platform from its name`);
    lock.packages[at] = {
      version: version.replace(/^[\^~]/, ''),
      cpu: [cpu],
      ...(parent.dev ? { dev: true } : {}),
      ...(name.includes('musl') ? { libc: ['musl'] } : name.includes('gnu') ? { libc: ['glibc'] } : {}),
      optional: true,
      os: [os],
    };
    console.log(`added ${name}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
