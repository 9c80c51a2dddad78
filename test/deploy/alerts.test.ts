import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { unlessThere } from '../support/programs.js';
import { tempDirectory } from '../support/temp-tree.js';
import { metricsIn, metricTypes } from './metric-names.js';

const rules = 'deploy/prometheus/imgsync-fast.rules.yml';
const dashboardFile = 'deploy/grafana/imgsync-fast.json';
const read = (file: string): string => readFileSync(file, 'utf8');
const promtool = (...args: readonly string[]): void => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
};

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly targets?: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(read(dashboardFile)) as { readonly uid: string; readonly panels: Panel[] };
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

test('promtool accepts the alerts', { skip: unlessThere('promtool') }, () => {
  promtool('check', 'rules', rules);
});

test('each alert fires when it has to, and only then', { skip: unlessThere('promtool') }, (t) => {
  const text = read('test/deploy/imgsync-fast.rules.test.yml');
  const file = join(tempDirectory(t), 'test.yml');
  writeFileSync(file, text.replace('- RULES', `- ${resolve(rules)}`));
  promtool('test', 'rules', file);
  for (const [, name = ''] of read(rules).matchAll(/alert: (\w+)/g))
    assert.ok(text.includes(`alertname: ${name}`), `${name} is not tested`);
});

test('each alert leads to what to do about it', () => {
  const headings = [...read('docs/troubleshooting.md').matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  const alerts = read(rules).split('- alert: ').slice(1);
  assert.ok(alerts.length > 8);
  for (const alert of alerts) {
    const name = alert.split('\n')[0] ?? '';
    assert.ok(headings.includes(name), name);
    assert.ok(alert.includes(`runbook: docs/troubleshooting.md#${name.toLowerCase()}\n`), name);
  }
});

test('promtool can read every expression of the dashboard', { skip: unlessThere('promtool') }, (t) => {
  const file = join(tempDirectory(t), 'dashboard.rules.yml');
  const records = expressions.map((expr, index) => {
    const plain = expr
      .replaceAll('$__rate_interval', '5m')
      .replaceAll('$target', '.*')
      .replaceAll('$instance', '.*');
    return `      - record: panel:${index}\n        expr: ${JSON.stringify(plain)}\n`;
  });
  writeFileSync(file, `groups:\n  - name: dashboard\n    rules:\n${records.join('')}`);
  promtool('check', 'rules', file);
});

test('alerts and dashboard use metrics that there are', () => {
  const used = [read(rules).replace(/^\s*#.*$/gm, ''), ...expressions].flatMap(metricsIn);
  assert.ok(used.length > 20);
  for (const name of used) assert.ok(metricTypes[name] !== undefined, name);
  for (const expr of expressions)
    for (const name of metricsIn(expr).filter((metric) => metricTypes[metric] === 'counter'))
      assert.match(expr, new RegExp(`(?:rate|increase)\\(${name}`), expr);
});

test('the panels of the dashboard are told apart and explained', () => {
  assert.equal(dashboard.uid, 'imgsync-fast');
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { title, description } of dashboard.panels) assert.ok(title !== '' && description !== '', title);
});
