import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { parse, stringify } from 'yaml';
import { z } from 'zod';

import { outcomes } from '../../src/data-plane/outcome.ts';
import { families } from '../../src/telemetry/metric-families.ts';
import { testIsInstalled } from '../proxy-protocol/peers.ts';

const alertsFile = 'deploy/alerts.yaml';
const casesFile = 'test/project/alerts.promtool.yaml';

const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      title: z.string(),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
    }),
  ),
  annotations: z.object({ list: z.array(z.object({ name: z.string(), expr: z.string() })) }),
  templating: z.object({
    list: z.array(
      z.object({ name: z.string(), query: z.union([z.string(), z.object({ query: z.string() })]) }),
    ),
  }),
});

const alertsSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          annotations: z.object({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

const casesSchema = z.object({
  tests: z.array(
    z.object({
      name: z.string(),
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});

/** An expression, and the text beside it that may name labels. */
interface Use {
  readonly name: string;
  readonly expr: string;
  readonly text: string;
}

function usesOfDashboard(): Use[] {
  const { panels, annotations, templating } = dashboardSchema.parse(
    JSON.parse(readFileSync('deploy/grafana-dashboard.json', 'utf8')),
  );
  return [
    ...panels.flatMap(({ title, targets }) =>
      targets.map(({ expr, legendFormat }) => ({ name: `panel ${title}`, expr, text: legendFormat })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ name: `annotation ${name}`, expr, text: '' })),
    ...templating.list.flatMap(({ name, query }) => {
      const [, expr, label] = /^label_values\((.*), (\w+)\)$/.exec(Object(query).query ?? '') ?? [];
      return expr === undefined ? [] : [{ name: `variable ${name}`, expr, text: `{{${label}}}` }];
    }),
  ];
}

function usesOfAlerts(): Use[] {
  const { groups } = alertsSchema.parse(parse(readFileSync(alertsFile, 'utf8')));
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, annotations }) => ({
      name: `alert ${alert}`,
      expr,
      text: annotations.summary + annotations.description,
    })),
  );
}

/** What Prometheus adds to every metric, and to the buckets of histograms. */
const addedLabels = ['instance', 'le'];

/** By the names in expressions: a histogram has three. */
const labelsOf: ReadonlyMap<string, readonly string[]> = new Map(
  Object.values(families).flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((ending) => [name + ending, labels])
      : [[name, labels]],
  ),
);

const matcher = /(\w+) *(?:=~|!~|!=|=) *"([^"]*)"/g;

function isKnown({ expr, text }: Use): void {
  const metrics = [...expr.matchAll(/\b(sluice_\w+)(?:\{([^}]*)\})?/g)];
  const labels = new Set(addedLabels);
  for (const [, metric = '', selector = ''] of metrics) {
    const own = labelsOf.get(metric);
    assert.ok(own, `there is no metric ${metric}`);
    for (const label of own) labels.add(label);
    for (const [, label = '', value = ''] of selector.matchAll(matcher)) {
      assert.ok([...own, ...addedLabels].includes(label), `${metric} has no label ${label}`);
      const isOutcome = label === 'outcome' || (label === 'reason' && metric === families.rejected.name);
      if (isOutcome)
        for (const each of value.split('|'))
          assert.ok(
            outcomes.some((outcome) => outcome === each),
            each,
          );
    }
  }
  const grouped = [...expr.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)];
  const shown = [...text.matchAll(/\{\{ *(?:\$labels\.)?(\w+) *\}\}/g)];
  const named = [...grouped, ...shown].flatMap(([, names = '']) => names.split(/, */));
  for (const label of named) assert.ok(labels.has(label), `none of its metrics has a label ${label}`);
}

describe('the dashboard and the alerts', () => {
  for (const use of [...usesOfDashboard(), ...usesOfAlerts()]) {
    test(`${use.name} uses metrics and labels that exist`, () => isKnown(use));
  }

  test('every metric is in one of them', () => {
    const all = [...usesOfDashboard(), ...usesOfAlerts()].map(({ expr }) => expr).join(' ');
    const unused = Object.values(families).filter(({ name }) => !new RegExp(`\\b${name}`).test(all));
    assert.deepEqual(unused, []);
  });
});

describe('every alert', () => {
  const { tests } = casesSchema.parse(parse(readFileSync(casesFile, 'utf8')));
  const cases = tests.flatMap(({ name, alert_rule_test: expected }) =>
    expected.map(({ alertname, exp_alerts: fired }) => ({ name, alertname, fires: fired.length > 0 })),
  );
  const alerts = usesOfAlerts().map(({ name }) => name.replace('alert ', ''));

  test('is tried where it should fire', () => {
    const tried = new Set(cases.filter(({ fires }) => fires).map(({ alertname }) => alertname));
    assert.deepEqual([...tried].toSorted(), alerts.toSorted());
  });

  test('is tried where all is well', () => {
    const tried = cases.filter(({ name, fires }) => name === 'a proxy that serves' && !fires);
    assert.deepEqual(tried.map(({ alertname }) => alertname).toSorted(), alerts.toSorted());
  });
});

const promtool = {
  name: 'promtool',
  packages: 'prometheus',
  isInstalled: () => spawnSync('promtool', ['--version']).status === 0,
};

describe('promtool', testIsInstalled(promtool), () => {
  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  };
  const check = (file: string) => run('check', 'rules', file);

  test('takes the alerts', () => check(alertsFile));

  test('sees them fire when they should, and only then', () => run('test', 'rules', casesFile));

  test('takes every expression of the dashboard', () => {
    const rules = usesOfDashboard().map(({ expr }, i) => ({
      record: `panel_${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
    }));
    const folder = mkdtempSync(join(tmpdir(), 'sluice-dashboard-'));
    try {
      const file = join(folder, 'rules.yaml');
      writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
      check(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
