import { statSync } from 'node:fs';
import { dirname } from 'node:path';

import { type FSWatcher, watch } from 'chokidar';

/** Editors and tools write a file in several steps: it is read once nothing has happened for this long. */
const quietMs = 200;

/**
 * Tells when a file may have changed. It is its folder that is watched: editors put a new file in the old one's place,
 * and Kubernetes swaps a link beside it that the file is reached through.
 */
export class FileWatch {
  readonly #file: string;
  readonly #changed: () => void;
  readonly #watcher: FSWatcher;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  /** `seen`: the version that is known already. */
  constructor(file: string, seen: string, changed: () => void, failed: (error: unknown) => void) {
    this.#file = file;
    this.#changed = changed;
    this.#seen = seen;
    this.#watcher = watch(dirname(file), { depth: 0, ignoreInitial: true, followSymlinks: false });
    this.#watcher.on('all', () => this.#lookSoon());
    // What happened before it was watched is not told.
    this.#watcher.on('ready', () => this.#lookSoon());
    this.#watcher.on('error', failed);
  }

  close(): void {
    clearTimeout(this.#timer);
    void this.#watcher.close();
  }

  #lookSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), quietMs);
  }

  /** Other files of the folder change, too. */
  #look(): void {
    const seen = versionOf(this.#file);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#changed();
  }
}

/** Another whenever the file behind the path is another, or has been written; empty where there is none to be had. */
export function versionOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return '';
  }
}
