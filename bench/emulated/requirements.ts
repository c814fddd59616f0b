import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, run } from '../debian.ts';
import { projectFolder } from '../sluice.ts';

const packages = ['qemu-system-x86', 'busybox-static', 'cpio'];
export const emulator = 'qemu-system-x86_64';
const commands = [emulator, 'busybox', 'cpio'];
/** Names the newest of the small kernels; it is unpacked, not installed. */
const kernelPackage = 'linux-image-cloud-amd64';
const kernelFolder = join(projectFolder, 'build/bench/kernel');

/** The kernel to boot. Throws where something is missing, with what to do. */
export function kernelImage(): string {
  const missing = commands.filter((command) => spawnSync(command, ['--help']).error !== undefined);
  const kernel = kernelIn(kernelFolder);
  if (kernel !== undefined && missing.length === 0) return kernel;
  const what = [...missing, ...(kernel === undefined ? ['a kernel'] : [])].join(', ');
  throw new Error(`missing: ${what}; on Debian, as root: npm run bench:instructions -- --install`);
}

export function install(): void {
  installPackages(packages);
  mkdirSync(kernelFolder, { recursive: true });
  const depends = run('apt-cache', ['depends', kernelPackage], { stdio: 'pipe' });
  const [, name] = /Depends: (linux-image-\S+)/.exec(depends) ?? [];
  if (name === undefined) throw new Error(`Debian has no package ${kernelPackage}`);
  run('apt-get', ['download', name], { cwd: kernelFolder });
  const archive = readdirSync(kernelFolder).find((file) => file.startsWith(`${name}_`)) ?? '';
  run('dpkg', ['-x', archive, '.'], { cwd: kernelFolder });
}

function kernelIn(folder: string): string | undefined {
  const boot = join(folder, 'boot');
  if (!existsSync(boot)) return undefined;
  const image = readdirSync(boot)
    .filter((name) => name.startsWith('vmlinuz-'))
    .toSorted()
    .at(-1);
  return image && join(boot, image);
}
