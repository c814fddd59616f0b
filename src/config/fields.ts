import { z } from 'zod';

import type { Parsed } from './parsed.ts';
import {
  allowedDurations,
  allowedPercentages,
  allowedRates,
  allowedSizes,
  maxDurationMs,
  parseDuration,
  parsePercentage,
  parseRate,
  parseSize,
  type Range,
} from './units.ts';
import { quotedList, refusal, unknownKey, wordRefusal } from './wording.ts';

/**
 * The kinds of fields a schema is made of. Each says in a problem what is allowed, and carries what editors show:
 * a description, examples, and for text the pattern.
 */

export interface TextKind<T> {
  /** Its problem is the whole message. */
  readonly parse: (text: string) => Parsed<T>;
  /** What to say where there is no text at all, with the verb: `is a name`. */
  readonly allowed: string;
  readonly description: string;
  readonly examples?: readonly string[];
  readonly pattern?: string;
}

/** Text that stands for something: `5s`, `10.0.0.1:8443`. */
export function text<T>(kind: TextKind<T>) {
  const { description, examples, pattern } = kind;
  return z
    .string({ error: (issue) => refusal(issue.input, kind.allowed) })
    .meta({ description, ...(examples && { examples }), ...(pattern && { pattern }) })
    .transform((written, context): T => {
      const result = kind.parse(written);
      if (result.ok) return result.value;
      context.addIssue({ code: 'custom', message: result.problem, input: written });
      return z.NEVER;
    });
}

export function duration(description: string, range: Partial<Range> = {}) {
  const bounds = { min: range.min ?? 1, max: range.max ?? maxDurationMs };
  return text({
    parse: (written) => parseDuration(written, bounds),
    allowed: allowedDurations,
    description,
    examples: ['250ms', '5s', '2m', '1h'],
    pattern: '^\\d+(ms|s|m|h)$',
  });
}

export function size(description: string, range: Range) {
  return text({
    parse: (written) => parseSize(written, range),
    allowed: allowedSizes,
    description,
    examples: ['16KiB', '1MiB'],
    pattern: '^\\d+(B|KiB|MiB|GiB)$',
  });
}

export function percentage(description: string) {
  return text({
    parse: parsePercentage,
    allowed: allowedPercentages,
    description,
    examples: ['50%'],
    pattern: '^\\d+(\\.\\d+)?%$',
  });
}

export function rate(description: string, range: Range) {
  return text({
    parse: (written) => parseRate(written, range),
    allowed: allowedRates,
    description,
    examples: ['100/s', '600/m'],
    pattern: '^\\d+/(s|m|h)$',
  });
}

export function wholeNumber(description: string, { min, max }: Range) {
  const error = (issue: { readonly input?: unknown }) =>
    refusal(issue.input, `are whole numbers from ${min} to ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error }).describe(description);
}

export function word<const Word extends string>(description: string, words: readonly Word[]) {
  return z.enum(words, { error: (issue) => wordRefusal(issue.input, words) }).describe(description);
}

export function flag(description: string) {
  return z.boolean({ error: (issue) => refusal(issue.input, 'are true and false') }).describe(description);
}

/** `example` is shown where something else than a list stands. */
export function list<Item extends z.ZodType>(description: string, item: Item, example: string) {
  return z
    .array(item, { error: (issue) => refusal(issue.input, `is a list such as ${example}`) })
    .min(1, { error: `is an empty list; allowed is a list such as ${example}` })
    .describe(description);
}

/**
 * A mapping with just these keys. The problems of several unknown keys are one issue to zod: its message has a
 * line for each of `issue.keys`.
 */
export function section<Shape extends z.core.$ZodLooseShape>(description: string, shape: Shape) {
  const keys = Object.keys(shape);
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => unknownKey(key, keys)).join('\n')
          : refusal(issue.input, `is a mapping with keys of ${quotedList(keys)}`),
    })
    .describe(description);
}

/** For rules over several keys: they are checked even where single keys have problems of their own. */
export function isMapping(payload: { readonly value: unknown }): boolean {
  return typeof payload.value === 'object' && payload.value !== null;
}

/** For `refine`: of these keys a mapping must have just one. */
export function exactlyOneOf<Key extends string>(...keys: readonly Key[]) {
  const given = (mapping: { readonly [key in Key]?: unknown }) =>
    keys.filter((key) => mapping[key] !== undefined);
  return [
    (mapping: { readonly [key in Key]?: unknown }) => given(mapping).length === 1,
    {
      when: isMapping,
      error: (issue: { readonly input?: unknown }) => {
        const found = given(Object(issue.input));
        const has = found.length === 0 ? `none of ${quotedList(keys)}` : quotedList(found);
        return `has ${has}; allowed is exactly one of ${quotedList(keys)}`;
      },
    },
  ] as const;
}

/** For `meta`: the same, for editors. */
export function oneOfKeys(...keys: readonly string[]) {
  return { oneOf: keys.map((key) => ({ required: [key] })) };
}
