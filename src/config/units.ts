import { type Parsed, parsed, refused } from './parsed.ts';
import { show } from './wording.ts';

/** A number within bounds, both included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A number of something and its unit, as a configuration writes it: `250ms`, `16KiB`, `100/s`, `50%`. */
interface Quantity {
  /** In the plural, for problems. */
  readonly what: string;
  readonly pattern: RegExp;
  /** What one of each unit is in the smallest one. */
  readonly units: ReadonlyMap<string, number>;
  readonly examples: readonly string[];
}

export const duration: Quantity = {
  what: 'durations',
  pattern: /^(\d+)(ms|s|m|h)$/,
  units: new Map([
    ['ms', 1],
    ['s', 1000],
    ['m', 60_000],
    ['h', 3_600_000],
  ]),
  examples: ['250ms', '5s', '2m', '1h'],
};

export const size: Quantity = {
  what: 'sizes',
  pattern: /^(\d+)(B|KiB|MiB|GiB)$/,
  units: new Map([
    ['B', 1],
    ['KiB', 1024],
    ['MiB', 1024 ** 2],
    ['GiB', 1024 ** 3],
  ]),
  examples: ['512B', '16KiB', '1MiB'],
};

const percentage: Quantity = {
  what: 'percentages',
  pattern: /^(\d+(?:\.\d+)?)(%)$/,
  units: new Map([['%', 1]]),
  examples: ['10%', '50%'],
};

const rate: Quantity = {
  what: 'rates',
  pattern: /^(\d+)(\/(?:s|m|h))$/,
  units: new Map([
    ['/s', 1000],
    ['/m', 60_000],
    ['/h', 3_600_000],
  ]),
  examples: ['100/s', '600/m'],
};

/** Timers take no more: 2³¹ − 1 ms is a little more than 596 hours. */
export const maxDurationMs = 596 * 3_600_000;

/** In milliseconds. */
export function parseDuration(text: string, range: Range): Parsed<number> {
  return parseScaled(text, duration, range);
}

/** In bytes. */
export function parseSize(text: string, range: Range): Parsed<number> {
  return parseScaled(text, size, range);
}

/** As a share: 0 to 1. */
export function parsePercentage(text: string): Parsed<number> {
  const result = parseScaled(text, percentage, { min: 0, max: 100 });
  return result.ok ? parsed(result.value / 100) : result;
}

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

export function parseRate(text: string, range: Range): Parsed<Rate> {
  const found = parseQuantity(text, rate);
  if (!found.ok) return found;
  const { count, unit } = found.value;
  if (count >= range.min && count <= range.max) return parsed({ count, perMs: unit });
  return refused(`${show(text)} is out of range; allowed are rates from ${range.min}/s to ${range.max}/s`);
}

/** What a value of this kind looks like, with its verb. */
function allowedQuantities(quantity: Quantity): string {
  return `are ${quantity.what} such as ${quantity.examples.map((each) => `"${each}"`).join(', ')}`;
}

export const allowedDurations = allowedQuantities(duration);
export const allowedSizes = allowedQuantities(size);
export const allowedPercentages = allowedQuantities(percentage);
export const allowedRates = allowedQuantities(rate);

/** The number in the largest unit that leaves it whole: 120000 ms is `2m`. */
export function format(quantity: Quantity, value: number): string {
  const units = [...quantity.units].sort((a, b) => b[1] - a[1]);
  const [name, scale] = units.find(([, each]) => value !== 0 && value % each === 0) ??
    units.at(-1) ?? ['', 1];
  return `${value / scale}${name}`;
}

function parseScaled(text: string, quantity: Quantity, range: Range): Parsed<number> {
  const found = parseQuantity(text, quantity);
  if (!found.ok) return found;
  const value = found.value.count * found.value.unit;
  if (value >= range.min && value <= range.max) return parsed(value);
  const bounds = `from ${format(quantity, range.min)} to ${format(quantity, range.max)}`;
  return refused(`${show(text)} is out of range; allowed are ${quantity.what} ${bounds}`);
}

function parseQuantity(text: string, quantity: Quantity): Parsed<{ count: number; unit: number }> {
  const match = quantity.pattern.exec(text);
  const unit = quantity.units.get(match?.[2] ?? '');
  if (unit !== undefined) return parsed({ count: Number(match?.[1]), unit });
  const wrong = /^\d+$/.test(text) ? 'has no unit' : `is not a number and a unit`;
  return refused(`${show(text)} ${wrong}; allowed ${allowedQuantities(quantity)}`);
}
