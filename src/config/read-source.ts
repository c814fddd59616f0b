import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The most that is read of a file. 100,000 routes take about 10 MB. */
const maxSourceBytes = 256 * 1024 ** 2;

/** What a pipe holds. */
const chunkBytes = 64 * 1024;

export type SourceText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

/** Reads a whole file, or standard input for `-`. */
export function readSource(file: string): SourceText {
  try {
    const bytes = file === '-' ? readAll(0) : readFile(file);
    if (bytes === undefined)
      return { ok: false, message: `is larger than the ${maxSourceBytes} bytes allowed` };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    return { ok: false, message: describe(error) };
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be read';
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'cannot be read: there is no such file (ENOENT)';
    case 'EACCES':
      return 'cannot be read: permission denied (EACCES)';
    case 'EISDIR':
      return 'cannot be read: it is a directory (EISDIR)';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text';
    default:
      return `cannot be read: ${error.message}`;
  }
}

function readFile(file: string): Uint8Array | undefined {
  const descriptor = openSync(file, 'r');
  try {
    return fstatSync(descriptor).size > maxSourceBytes ? undefined : readAll(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** To the end, which for a pipe is not known before; undefined where that is too far. */
function readAll(descriptor: number): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  for (let length = 0; length <= maxSourceBytes; ) {
    const chunk = readSome(descriptor);
    if (chunk.length === 0) return Buffer.concat(chunks, length);
    chunks.push(chunk);
    length += chunk.length;
  }
  return undefined;
}

const retryMs = 10;

/** Standard input may be a pipe that whoever started us made non-blocking. */
function readSome(descriptor: number): Uint8Array {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (;;) {
    try {
      return buffer.subarray(0, readSync(descriptor, buffer));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}
