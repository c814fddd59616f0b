import type { Cidr } from './prefix-map.ts';

/** A prefix of a list and the longer ones in it: an address inside one of these has a longer match. */
export interface NestedPrefix {
  readonly cidr: Cidr;
  /** Disjoint: of prefixes that hold one another only the shortest. */
  readonly inside: readonly Cidr[];
}

/** The list's prefixes, each once, without those whose every address has a longer match. */
export function nestPrefixes(cidrs: readonly Cidr[]): NestedPrefix[] {
  const nested: { readonly cidr: Cidr; readonly inside: Cidr[] }[] = [];
  const holding: typeof nested = [];
  for (const cidr of cidrs.toSorted(compareRanges)) {
    while (holding.length > 0 && !holds(holding.at(-1)?.cidr, cidr)) holding.pop();
    const parent = holding.at(-1);
    if (parent !== undefined && compareRanges(parent.cidr, cidr) === 0) continue;
    parent?.inside.push(cidr);
    const entry = { cidr, inside: [] };
    nested.push(entry);
    holding.push(entry);
  }
  return nested.filter(({ cidr, inside }) => !isCovered(cidr, inside));
}

/** Whether every address of the prefix is in one of the parts, which all lie inside it. */
export function isCovered(cidr: Cidr, parts: readonly Cidr[]): boolean {
  let covered = 0n;
  let last: Cidr | undefined;
  for (const part of parts.toSorted(compareRanges)) {
    if (holds(last, part)) continue;
    covered += addressCount(part);
    last = part;
  }
  return covered === addressCount(cidr);
}

function holds(outer: Cidr | undefined, inner: Cidr): boolean {
  if (outer === undefined || outer.family !== inner.family || outer.length > inner.length) return false;
  return (BigInt(outer.bits) ^ BigInt(inner.bits)) < addressCount(outer);
}

function addressCount(cidr: Cidr): bigint {
  return 1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.length);
}

/** By first address; a prefix before those inside it. */
function compareRanges(a: Cidr, b: Cidr): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.bits !== b.bits) return a.bits < b.bits ? -1 : 1;
  return a.length - b.length;
}
