import { readFileSync, statSync } from 'node:fs';

const lookAgainAfterMs = 1000;

/** The parsed content of a small system file that may change at any time. A file that cannot be read is empty. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #value: T | undefined;
  #version = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
  }

  /** As it was at most a second ago. */
  read(): T {
    const nowMs = performance.now();
    if (this.#value !== undefined && nowMs - this.#lookedAtMs < lookAgainAfterMs) {
      return this.#value;
    }
    this.#lookedAtMs = nowMs;
    const version = fileVersion(this.#path);
    if (this.#value === undefined || version !== this.#version) {
      this.#version = version;
      this.#value = this.#parse(fileText(this.#path));
    }
    return this.#value;
  }
}

function fileVersion(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? 'absent' : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
