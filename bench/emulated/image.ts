import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { nativeLoad } from '../load/native-load.ts';
import { peers } from '../peers/all.ts';
import { daemonEnvironment, type Peer } from '../peers/peer.ts';

/** What the bench reads and runs of a checkout. */
const ofCheckout = ['package.json', 'tsconfig.json', 'bench', 'build/Release', 'dist', 'node_modules', 'src'];
/** Large, and only for lint. */
const leftOut = new Set(['@biomejs', '@typescript', 'results']);
const ofSystem = ['/etc/passwd', '/etc/group', '/etc/nsswitch.conf', '/etc/os-release'];

/** Writes the file system of the emulated machine, with these checkouts: everything lies there where it lies here. */
export function writeImage(file: string, checkouts: readonly string[]): void {
  const programs = ['/bin/busybox', process.execPath, nativeLoad(), ...peers.flatMap(filesOf)];
  const files = [
    ...programs,
    ...programs.flatMap(librariesOf),
    ...ofSystem.filter((path) => existsSync(path)),
    ...checkouts.flatMap((checkout) => ofCheckout.flatMap((path) => filesIn(join(checkout, path)))),
  ];
  const output = openSync(file, 'w');
  try {
    // In the place of a link, what it leads to.
    const words = ['--create', '--format=newc', '--dereference', '--null', '--quiet'];
    const input = withParents(files).join('\0');
    const { status, stderr, error } = spawnSync('cpio', words, {
      input,
      stdio: ['pipe', output, 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cpio: ${error?.message ?? stderr.trim()}`);
  } finally {
    closeSync(output);
  }
}

/** Each once, and every folder before what is in it: the kernel makes none by itself. */
export function withParents(paths: readonly string[]): string[] {
  const all = new Set<string>();
  const add = (path: string) => {
    if (path === '/' || all.has(path)) return;
    add(dirname(path));
    all.add(path);
  };
  for (const path of paths) add(path);
  return [...all];
}

/** The files that the dynamic linker would load for this program. */
export function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].flatMap(([, path]) => path ?? []);
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => !leftOut.has(name))
    .flatMap((name) => filesIn(join(path, name)));
}

function filesOf(peer: Peer): string[] {
  if (peer.version() === undefined) return [];
  const folders = daemonEnvironment.PATH.split(':');
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  return peer.files.map((file) => (isAbsolute(file) ? file : (find(file) ?? file)));
}
