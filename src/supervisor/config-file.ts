import type { Logger } from 'pino';

import type { ConfigSource } from './config-source.ts';
import { FileWatch, versionOf } from './file-watch.ts';

/** The file that the configuration comes from, read and followed. */
export class ConfigFile {
  readonly #source: ConfigSource;
  readonly #changed: () => void;
  readonly #log: Logger;
  /** As it was before the latest reading. */
  #version: string;
  #watch: FileWatch | undefined;

  constructor(source: ConfigSource, changed: () => void, log: Logger) {
    this.#source = source;
    this.#changed = changed;
    this.#log = log;
    this.#version = source.version;
  }

  load(...before: Parameters<ConfigSource['load']>): ReturnType<ConfigSource['load']> {
    this.#version = versionOf(this.#source.file);
    return this.#source.load(...before);
  }

  /** Tells whenever the file may be another than was read, or from here on does not. */
  follow(isWanted: boolean): void {
    if (!isWanted) this.close();
    else
      this.#watch ??= new FileWatch(this.#source.file, this.#version, this.#changed, (error) =>
        this.#log.error({ error: String(error) }, 'the configuration cannot be watched'),
      );
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }
}
