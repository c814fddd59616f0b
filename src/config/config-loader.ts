import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Piscina } from 'piscina';

import type { PackedRoutes } from '../routing/packed-routes.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import type { LoadTask, ReloadedConfig } from './load-task.ts';

/** How long a thread waits for another configuration before it gives its memory back. */
const idleTimeoutMs = 5_000;
/** Starting a thread takes as long as loading so much. */
const largeBytes = 512 * 1024;

/**
 * Loads the configuration of a process that does not serve yet: a large one in a thread all the same, which leaves
 * nothing behind of the memory that it takes, hundreds of times what is kept of it.
 */
export async function loadFirst(file: string): Promise<LoadedConfig> {
  if (file === '-' || sizeOf(file) < largeBytes) return loadConfig({ file });
  const loader = new ConfigLoader();
  try {
    return await loader.load(file);
  } finally {
    await loader.close();
  }
}

/** 0 where it cannot be known: reading will say why. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

/** Loads configurations in a thread of its own, so that the caller's never stops for one: large ones take seconds. */
export class ConfigLoader {
  readonly #pool = new Piscina({
    // `load-task.ts`, or `load-task.js` where this is compiled.
    filename: fileURLToPath(new URL(`./load-task${extname(import.meta.url)}`, import.meta.url)),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: idleTimeoutMs,
    // Workers that share its processor come first.
    niceIncrement: 5,
  });

  /** As `loadConfig`, with what is new in its routes; what goes wrong with the thread is a problem of the file. */
  async load(file: string, before?: PackedRoutes): Promise<ReloadedConfig> {
    try {
      const task: LoadTask = { file, before };
      return await this.#pool.run(task);
    } catch (error) {
      const message = `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
      return { ok: false, problems: [{ file, position: undefined, path: '', message }] };
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
