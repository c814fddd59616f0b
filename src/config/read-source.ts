import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Position } from './problem.ts';

/** The most that is read of a file. 100,000 routes take about 10 MB. */
const maxSourceBytes = 256 * 1024 ** 2;

/** What a pipe holds. */
const chunkBytes = 64 * 1024;

const lineFeed = 0x0a;

export type SourceText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly position?: Position };

/** Reads a whole file, or standard input for `-`. */
export function readSource(file: string): SourceText {
  try {
    const bytes = file === '-' ? readAll(0) : readFile(file);
    if (bytes === undefined)
      return { ok: false, message: `is larger than the ${maxSourceBytes} bytes allowed` };
    if (isUtf8(bytes)) return { ok: true, text: new TextDecoder().decode(bytes) };
    return {
      ok: false,
      message: 'is not text in UTF-8, which is what is allowed',
      position: firstNotUtf8(bytes),
    };
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
    default:
      return `cannot be read: ${error.message}`;
  }
}

/** Where the text ends: the first byte that is no part of a character. */
function firstNotUtf8(bytes: Uint8Array): Position {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, start) + 1 || bytes.length;
    if (!isUtf8(bytes.subarray(start, end)))
      return { line, column: 1 + textLength(bytes.subarray(start, end)) };
    line += 1;
    start = end;
  }
}

/** Up to the first byte that is no part of a character. */
function textLength(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let length = 0;
  for (const byte of bytes) {
    try {
      length += decoder.decode(Uint8Array.of(byte), { stream: true }).length;
    } catch {
      break;
    }
  }
  return length;
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
