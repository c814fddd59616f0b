import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Piscina } from 'piscina';

import type { LoadedConfig } from './load.ts';

/** How long a thread waits for another configuration before it gives its memory back. */
const idleTimeoutMs = 5_000;

/** Loads configurations in a thread of its own, so that the caller's never stops for one: large ones take seconds. */
export class ConfigLoader {
  readonly #pool = new Piscina({
    // `load-task.ts`, or `load-task.js` where this is compiled.
    filename: fileURLToPath(new URL(`./load-task${extname(import.meta.url)}`, import.meta.url)),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: idleTimeoutMs,
  });

  /** As `loadConfig`; also what goes wrong with the thread is a problem of the file. */
  async load(file: string): Promise<LoadedConfig> {
    try {
      return await this.#pool.run({ file });
    } catch (error) {
      const message = `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
      return { ok: false, problems: [{ file, position: undefined, path: '', message }] };
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
