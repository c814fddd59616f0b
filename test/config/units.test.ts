import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Parsed } from '../../src/config/parsed.ts';
import {
  duration,
  format,
  maxDurationMs,
  parseDuration,
  parsePercentage,
  parseRate,
  parseSize,
  size,
} from '../../src/config/units.ts';

const anyDuration = { min: 0, max: maxDurationMs };
const anySize = { min: 0, max: 2 ** 40 };
const anyCount = { min: 1, max: 1_000_000 };

function problem(result: Parsed<unknown>): string {
  assert.equal(result.ok, false);
  return result.ok ? '' : result.problem;
}

describe('units', () => {
  it('reads durations in milliseconds', () => {
    const values = {
      '250ms': 250,
      '5s': 5000,
      '2m': 120_000,
      '1h': 3_600_000,
      '0s': 0,
      '007s': 7000,
      '596h': maxDurationMs,
    };
    for (const [text, value] of Object.entries(values)) {
      assert.deepEqual(parseDuration(text, anyDuration), { ok: true, value }, text);
    }
  });

  it('reads sizes in bytes', () => {
    const values = { '512B': 512, '16KiB': 16_384, '1MiB': 1_048_576, '1GiB': 1_073_741_824 };
    for (const [text, value] of Object.entries(values)) {
      assert.deepEqual(parseSize(text, anySize), { ok: true, value }, text);
    }
  });

  it('reads rates with the time they are for, and percentages as shares', () => {
    assert.deepEqual(parseRate('100/s', anyCount), { ok: true, value: { count: 100, perMs: 1000 } });
    assert.deepEqual(parseRate('6/m', anyCount), { ok: true, value: { count: 6, perMs: 60_000 } });
    assert.deepEqual(parseRate('6/h', anyCount), { ok: true, value: { count: 6, perMs: 3_600_000 } });
    assert.deepEqual(parsePercentage('50%'), { ok: true, value: 0.5 });
    assert.deepEqual(parsePercentage('12.5%'), { ok: true, value: 0.125 });
    assert.deepEqual(parsePercentage('0%'), { ok: true, value: 0 });
    assert.deepEqual(parsePercentage('100%'), { ok: true, value: 1 });
  });

  it('refuses what is not a number and a unit, and shows what is', () => {
    const allowed = 'allowed are durations such as "250ms", "5s", "2m", "1h"';
    for (const text of [
      '',
      's',
      '-1s',
      '+1s',
      '1.5s',
      '1 s',
      '1S',
      '1d',
      '1m30s',
      ' 1s',
      '1s\n',
      '1e3s',
      '٣s',
    ]) {
      assert.equal(
        problem(parseDuration(text, anyDuration)),
        `${JSON.stringify(text)} is not a number and a unit; ${allowed}`,
      );
    }
    assert.equal(problem(parseDuration('5', anyDuration)), `"5" has no unit; ${allowed}`);
    for (const text of ['1KB', '1kb', '1K', '1MB', '1.5MiB', '-1B', '1 KiB']) {
      assert.equal(
        problem(parseSize(text, anySize)),
        `"${text}" is not a number and a unit; allowed are sizes such as "512B", "16KiB", "1MiB"`,
      );
    }
    assert.equal(
      problem(parseRate('100', anyCount)),
      '"100" has no unit; allowed are rates such as "100/s", "600/m"',
    );
    assert.equal(
      problem(parsePercentage('0.5')),
      '"0.5" is not a number and a unit; allowed are percentages such as "10%", "50%"',
    );
  });

  it('refuses what is out of range, and shows the range', () => {
    const range = { min: 1000, max: 120_000 };
    assert.deepEqual(parseDuration('1s', range), { ok: true, value: 1000 });
    assert.deepEqual(parseDuration('2m', range), { ok: true, value: 120_000 });
    const bounds = 'is out of range; allowed are durations from 1s to 2m';
    assert.equal(problem(parseDuration('999ms', range)), `"999ms" ${bounds}`);
    assert.equal(problem(parseDuration('121s', range)), `"121s" ${bounds}`);
    assert.equal(problem(parseDuration(`${'9'.repeat(400)}h`, range)), `"${'9'.repeat(60)}…" ${bounds}`);
    assert.equal(
      problem(parsePercentage('101%')),
      '"101%" is out of range; allowed are percentages from 0% to 100%',
    );
    assert.equal(
      problem(parseRate('0/s', anyCount)),
      '"0/s" is out of range; allowed are rates from 1/s to 1000000/s',
    );
  });

  it('writes a quantity in the largest unit that leaves it whole', () => {
    assert.deepEqual(
      [0, 250, 1000, 90_000, 3_600_000].map((ms) => format(duration, ms)),
      ['0ms', '250ms', '1s', '90s', '1h'],
    );
    assert.deepEqual(
      [512, 65_536, 1_048_576].map((bytes) => format(size, bytes)),
      ['512B', '64KiB', '1MiB'],
    );
  });
});
