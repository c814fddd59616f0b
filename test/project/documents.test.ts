import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

import { parse } from 'yaml';

import { pages } from '../../scripts/reference/pages.ts';
import { createProgram } from '../../src/cli/program.ts';
import { checkConfig } from '../../src/config/load.ts';
import { outcomes } from '../../src/data-plane/outcome.ts';
import { writtenLine } from '../telemetry/written-line.ts';
import { documents, fences } from './documents.ts';

describe('what is generated', () => {
  for (const [file, page] of Object.entries(pages)) {
    test(`${file} is as the code has it`, () => {
      assert.equal(readFileSync(file, 'utf8'), page(), 'run npm run docs, and commit what it writes');
    });
  }
});

/** Examples may leave out what they are not about. */
function completed(written: unknown): unknown {
  const config = Object(written);
  const used: unknown[] = (config.routes ?? []).map((route: object) => Reflect.get(route, 'upstream'));
  const upstreams = used
    .filter((name) => name !== undefined)
    .map((name) => [name, { endpoints: ['192.0.2.1:443'] }]);
  return {
    listeners: [{ name: 'edge', address: ':443' }],
    upstreams: Object.fromEntries(upstreams),
    ...config,
  };
}

describe('every configuration shown', () => {
  const shown = documents.flatMap((document) => fences(document, 'yaml'));

  test('there are some', () => assert.ok(shown.length > 0));

  for (const { place, text } of shown) {
    test(`${place} is valid (blocks of other YAML are fenced as yml)`, () => {
      const checked = checkConfig(completed(parse(text)));
      assert.deepEqual(checked.ok ? [] : checked.findings, []);
    });
  }
});

describe('every command shown', () => {
  const lines = documents
    .flatMap((document) => fences(document, 'sh'))
    .flatMap(({ place, text }) => text.split('\n').map((line) => ({ place, line })));
  const calls = lines.flatMap(({ place, line }) => {
    const [, call] = /^(?:sudo )?sluice ([a-z][^#|<>]*)/.exec(line) ?? [];
    return call === undefined ? [] : [{ place, words: call.trim().split(/\s+/) }];
  });

  test('there are some', () => assert.ok(calls.length > 0));

  for (const { place, words } of calls) {
    test(`sluice ${words.join(' ')} (${place}) has a command and options that exist`, () => {
      const [name, ...rest] = words;
      const command = createProgram().commands.find((each) => each.name() === name);
      assert.ok(command, `there is no command ${name}`);
      const known = command.options.flatMap(({ short, long }) => [short, long]);
      for (const word of rest)
        if (/^--?[a-z]/.test(word)) assert.ok(known.includes(word), `no option ${word}`);
    });
  }
});

/** As GitHub makes them from headings. */
function anchors(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('every link', () => {
  for (const { file, text } of documents) {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    test(`of ${file} leads somewhere`, () => {
      for (const link of links.filter((target) => !/^[a-z]+:/.test(target))) {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? file : join(dirname(file), path);
        assert.ok(existsSync(target), `${link}: there is no ${target}`);
        if (anchor !== undefined) assert.ok(anchors(target).includes(anchor), `${link}: no such heading`);
      }
    });
  }
});

describe('docs/access-log.md', () => {
  const text = readFileSync('docs/access-log.md', 'utf8');
  const rows = [...text.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].map(([, cell = '']) => cell);
  const explained = rows.flatMap((cell) => cell.replaceAll('`', '').split(', '));

  test('explains every field and every outcome, and nothing else', () => {
    const summary = {
      id: '',
      listener: '',
      client: { address: '', port: 0, family: 4 },
      serverName: undefined,
      profile: undefined,
      route: undefined,
      upstream: undefined,
      endpoint: undefined,
      bytesCounted: undefined,
      ending: {
        outcome: 'ok',
        bytesUp: 0,
        bytesDown: 0,
        helloMs: undefined,
        connectMs: undefined,
        endedFirst: 'client',
        durationMs: 0,
        attempts: 0,
      },
    } as const;
    const all = [...Object.keys(JSON.parse(writtenLine(summary))), ...outcomes];
    assert.deepEqual(new Set(explained), new Set(all));
  });
});

describe('every source file named', () => {
  for (const { file, text } of documents) {
    test(`in ${file} exists, with the test that is quoted`, () => {
      const named = /`((?:bench|deploy|native|scripts|src|test)\/[\w./-]+)`(?:: "([^"]+)")?/g;
      for (const [, path = '', title = ''] of text.matchAll(named)) {
        assert.ok(existsSync(path), path);
        if (title !== '')
          assert.ok(readFileSync(path, 'utf8').includes(title), `${path} has no test "${title}"`);
      }
    });
  }
});
