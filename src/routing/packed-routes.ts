/**
 * Routes as one piece of memory: what a thread or a process gets without anything being built from it, what a lookup
 * reads in place, and what the collector never walks through. Machine byte order: it never leaves the machine.
 *
 * It is a list of columns of 32-bit words, then a pool of text that they point into by byte offset. A record of the
 * pool is either a name, `[kind][length][ASCII]`, or a text, `[32-bit length][UTF-8]`; nothing is at offset 0.
 */
export interface PackedRoutes {
  readonly bytes: Uint8Array;
}

/** What a name in the pool is: an exact name, or the suffix after `*.`, empty for `*` alone. */
export const nameKind = { exact: 1, oneLabel: 2, anyDepth: 3 } as const;
export type NameKind = (typeof nameKind)[keyof typeof nameKind];

/** Columns and how many words they have, in the order they lie in. */
const columns = [
  /** By a name's hash, open addressing: the name, and what it leads to (see `RouteTable`). */
  'slots',
  /** By place: the route's name; with `sameAsPattern` it is the text of that server name. */
  'routeNames',
  'routeCriteria',
  'routeActions',
  /** By place, and one more: where the route's patterns begin. */
  'patternStarts',
  'patterns',
  /** JSON: all that routes ask besides the name, once for all that ask the same. */
  'criteria',
  /** By criteria: the contest of one route alone, or `noContest`. */
  'criteriaContests',
  /** JSON: what is done, once for all routes that do the same. */
  'actions',
  /** By number, and one more: where the group's members begin. Group 0 has the routes without server names. */
  'groupStarts',
  'groupMembers',
  'groupContests',
  /** Lists of criteria between which a connection has to be decided, the same for many groups. */
  'contestStarts',
  'contestCriteria',
  /** A bit for each count of labels that some any-depth suffix has; bit 0 is for `*`. */
  'suffixDepths',
  /** Whether there is a one-label wildcard. */
  'oneLabel',
] as const;

export type RouteColumn = (typeof columns)[number];
export type RouteColumns = Readonly<Record<RouteColumn, Uint32Array>>;

/** In `routeNames`. */
export const sameAsPattern = 0x8000_0000;
/** In `criteriaContests`: the name alone decides. */
export const noContest = 0xffff_ffff;

const headerWords: number = columns.length;

/** Puts columns and text together, in memory that threads can share. */
export function joinColumns(
  data: Readonly<Record<RouteColumn, ArrayLike<number>>>,
  text: Uint8Array,
): PackedRoutes {
  const words = columns.reduce<number>((sum, name) => sum + data[name].length, headerWords);
  const bytes = new Uint8Array(new SharedArrayBuffer(words * 4 + text.length));
  const header = new Uint32Array(bytes.buffer, 0, headerWords);
  let start = headerWords * 4;
  for (const [i, name] of columns.entries()) {
    const column: ArrayLike<number> = data[name];
    header[i] = column.length;
    new Uint32Array(bytes.buffer, start, column.length).set(column);
    start += column.length * 4;
  }
  bytes.set(text, start);
  return { bytes };
}

/** The columns in place, and the pool. */
export function splitColumns({ bytes }: PackedRoutes): {
  readonly columns: RouteColumns;
  readonly text: Buffer;
} {
  const { buffer, byteOffset, byteLength } = bytes;
  const header = new Uint32Array(buffer, byteOffset, headerWords);
  let start = byteOffset + headerWords * 4;
  const found = columns.map((name, i) => {
    const column = new Uint32Array(buffer, start, header[i] ?? 0);
    start += column.byteLength;
    return [name, column];
  });
  const text = Buffer.from(buffer, start, byteOffset + byteLength - start);
  return { columns: Object.fromEntries(found) as RouteColumns, text };
}

/** Of the part of a name from `start`. Spread well by its low bits. */
export function hashName(kind: NameKind, name: string, start: number): number {
  let hash = Math.imul(kind, 0x9e37_79b1);
  // FNV-1a, and then the last steps of MurmurHash3, as FNV's low bits are its weak ones.
  for (let i = start; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Whether the name at `offset` is this one from `start`. */
export function isNameAt(
  text: Uint8Array,
  offset: number,
  kind: NameKind,
  name: string,
  start: number,
): boolean {
  const length = name.length - start;
  if (text[offset] !== kind || text[offset + 1] !== length) return false;
  const first = offset + 2;
  for (let i = 0; i < length; i++) if (text[first + i] !== name.charCodeAt(start + i)) return false;
  return true;
}

export function countLabels(name: string): number {
  let count = 1;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) count++;
  return count;
}
