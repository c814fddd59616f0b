import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A copy of the sources, to be changed at will, with the addon of this one or as where there is no compiler. */
export class ProgramCopy {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make({ addon }: { readonly addon: boolean }): Promise<ProgramCopy> {
    const from = fileURLToPath(new URL('../..', import.meta.url));
    const root = await mkdtemp(join(tmpdir(), 'sluice-copy-'));
    await cp(join(from, 'src'), join(root, 'src'), { recursive: true });
    await cp(join(from, 'package.json'), join(root, 'package.json'));
    await symlink(join(from, 'node_modules'), join(root, 'node_modules'));
    if (addon) await symlink(join(from, 'build'), join(root, 'build'));
    return new ProgramCopy(root);
  }

  /** As `node` takes it. */
  get main(): readonly string[] {
    return ['--import', import.meta.resolve('tsx'), join(this.root, 'src/cli/main.ts')];
  }

  /** Changes a file, for processes that are started later; the pattern must be there. */
  async replace(file: string, pattern: RegExp, by: string): Promise<void> {
    const path = join(this.root, file);
    const before = await readFile(path, 'utf8');
    if (!pattern.test(before)) throw new Error(`${file} has no ${pattern}`);
    await writeFile(path, before.replace(pattern, by));
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true });
  }
}
