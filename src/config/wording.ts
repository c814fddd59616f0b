/** How problems are put into words: what was found, what is wrong with it, what is allowed. One line each. */

const shownLength = 60;
const listedWords = 20;

/** A value of the configuration as a problem quotes it: as JSON, cut short; a list or mapping by its kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > shownLength ? `${value.slice(0, shownLength)}…` : value);
  }
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  return String(value);
}

/** `allowed` starts with its verb: `is an address`, `are "a" and "b"`. An absent value is undefined. */
export function refusal(value: unknown, allowed: string): string {
  if (value === undefined) return `is missing; allowed ${allowed}`;
  if (value === null) return `has no value; allowed ${allowed}`;
  return `${show(value)} is not allowed here; allowed ${allowed}`;
}

/** As `refusal`, of a value that must be one of a few words, with the nearest one where one is near. */
export function wordRefusal(value: unknown, words: readonly string[]): string {
  const allowed = `are ${quotedList(words)}`;
  const near = typeof value === 'string' ? nearest(value, words) : undefined;
  return near === undefined
    ? refusal(value, allowed)
    : `${show(value)} is not allowed here; did you mean "${near}"? Allowed ${allowed}`;
}

export function unknownKey(key: string, keys: readonly string[]): string {
  const near = nearest(key, keys);
  const guess = near === undefined ? 'allowed' : `did you mean "${near}"? Allowed`;
  const what = key === '<<' ? 'is a merge key, which YAML 1.2 does not have' : 'is an unknown key';
  return `${what}; ${guess} are ${quotedList(keys)}`;
}

/** `"a", "b" and "c"`; a long list is cut short and its rest counted. */
export function quotedList(words: readonly string[]): string {
  const quoted = words.slice(0, listedWords).map((word) => JSON.stringify(word));
  const rest = words.length - quoted.length;
  const last = rest > 0 ? `${rest} more` : quoted.pop();
  if (last === undefined) return 'none';
  return quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`;
}

/** The word that was probably meant: upper and lower case aside, at most a third of its letters differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to insert, delete, replace or swap with their neighbour (Damerau-Levenshtein, optimal alignment). */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let distance = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
