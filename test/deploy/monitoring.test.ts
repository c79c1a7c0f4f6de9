/**
 * The dashboard and the alerts of manifests/monitoring, against a real Prometheus that reads a real shop: a metric that is renamed, and
 * one that nothing shows, turn these red.
 */
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/server/metrics/metrics.ts';
import { newWorld } from '../cache/world.ts';
import { startBusyShop } from '../server/metrics/busy-shop.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { runTool } from '../support/run-tool.ts';
import { exposedIn, familyOf } from './exposed-metrics.ts';
import { textOf } from './manifests.ts';
import { alerts, dashboard, expressions, unitOf } from './monitoring-files.ts';
import { referencesOf } from './promql.ts';

/** What Prometheus adds to what it reads: a metric, and labels. */
const addedMetric = 'up';
const addedLabels = ['instance', 'job'];
/** Counters that have no sample as long as nothing goes wrong. */
const rare = [
  'cachepot_load_failures_total',
  'cachepot_failures_hidden_total',
  'cachepot_background_failures_total',
  'cachepot_entries_rejected_total',
  'cachepot_writes_refused_total',
  'cachepot_lease_timeouts_total',
  'cachepot_refills_total',
  'cachepot_refreshes_total',
  'cachepot_shadow_checks_total',
  'cachepot_store_failures_total',
  'cachepot_store_slow_total',
  'cachepot_traffic_refused_total',
];

/** States that requests of the shop have only now and then. */
const rareStates = /\{[^}]*state="(stale|shared)"/;

describe('the alerts', () => {
  it('are rules that promtool accepts, and fire when they should and not before', async () => {
    expect(await runTool('promtool', ['check', 'rules', 'manifests/monitoring/alerts.yaml'])).toMatchObject({
      code: 0,
    });
    const { code, output } = await runTool('promtool', ['test', 'rules', 'test/deploy/alerts.test.yaml']);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('SUCCESS') as string });
  });

  it.each(alerts)('$alert is tested and documented', async ({ alert }) => {
    expect(await textOf('test/deploy/alerts.test.yaml')).toContain(`alertname: ${alert}\n        exp_alerts:`);
    expect(await textOf('docs/observing.md')).toContain(`\`${alert}\``);
  });
});

describe('each expression of the dashboard and the alerts', () => {
  it('refers to metrics and labels that the shop has, and has a result in Prometheus; no metric is left out', async () => {
    const shop = await startBusyShop();
    const { families, names, labelsOf } = exposedIn(await shop.metrics());
    const { registry } = createMetrics({ cache: (await newWorld()).cache });
    /** Of a counter that the shop has not counted yet. */
    const declaredLabelsOf = (name: string): readonly string[] => {
      const { labelNames = [] } = (registry.getSingleMetric(name) ?? {}) as { labelNames?: readonly string[] };
      return labelNames;
    };
    const unknown = expressions.flatMap(([name, expression]) => {
      const { metrics, labels } = referencesOf(expression);
      const known = [
        ...addedLabels,
        'le',
        ...metrics.flatMap((metric) => (rare.includes(metric) ? declaredLabelsOf(metric) : labelsOf(metric))),
      ];
      const unknownLabels = labels.filter((label) => !known.includes(label));
      return [...metrics.filter((metric) => metric !== addedMetric && !names.has(metric)), ...unknownLabels].map(
        (one) => `${name}: ${one}`,
      );
    });
    expect(unknown).toEqual([]);

    const used = new Set(expressions.flatMap(([, expression]) => referencesOf(expression).metrics).map(familyOf));
    const own = families.filter((name) => /^(cachepot|http)_/.test(name));
    expect(own.length).toBeGreaterThan(25);
    expect(own.filter((name) => !used.has(name))).toEqual([]);

    const prometheus = await startPrometheus([shop.url]);
    // A rate needs several scrapes that have succeeded: on a busy machine some take too long.
    const reads = (): Promise<unknown> => prometheus.query('sum_over_time(up[1m]) > 2');
    await expect.poll(reads, { interval: 100 }).toHaveLength(1);
    const empty: string[] = [];
    for (const [name, expression] of expressions) {
      const samples = await prometheus.query(expression);
      const { metrics } = referencesOf(expression);
      const isAlert = alerts.some(({ alert }) => alert === name);
      const isRare = rareStates.test(expression) || metrics.some((metric) => rare.includes(metric));
      if (samples.length === 0 && !isAlert && !isRare) empty.push(name);
    }
    expect(empty).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('has panels with different ids, in rows of 24 columns without gaps', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const columns = new Map<number, number>();
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x).toBe(columns.get(gridPos.y) ?? 0);
      columns.set(gridPos.y, gridPos.x + gridPos.w);
    }
    expect(new Set(columns.values())).toEqual(new Set([24]));
  });

  it('has a unit per second for each rate: requests for requests, and operations for all else', () => {
    const rates = dashboard.panels.flatMap((panel) =>
      (panel.targets ?? []).flatMap((target) => {
        const [, metric] = /^sum(?: by \([\w, ]+\))? ?\(rate\((\w+)\{[^}]*\}\[\$\w+\]\)\)$/.exec(target.expr) ?? [];
        return metric === undefined ? [] : [{ title: panel.title, metric, unit: unitOf(panel, target) }];
      }),
    );
    expect(rates.length).toBeGreaterThan(25);
    const unitFor = (metric: string): string =>
      /^(http_request_duration_seconds_count|cachepot_requests_total)$/.test(metric)
        ? 'reqps'
        : metric.includes('bytes')
          ? 'Bps'
          : 'ops';
    expect(rates.filter(({ metric, unit }) => unit !== unitFor(metric))).toEqual([]);
  });

  it("uses its own variables and Grafana's, and no others", () => {
    const own = dashboard.templating.list.map(({ name }) => name);
    const used = [...JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
    expect(new Set(used)).toEqual(new Set([...own, '__rate_interval', '__range']));
  });

  it('names series in its legends by labels that they have', () => {
    const targets = dashboard.panels.flatMap(({ targets: all = [] }) => all);
    const wrong = targets.filter(({ expr, legendFormat = '' }) => {
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const { labels } = referencesOf(expr.replace(/\$\w+/g, '1m'));
      return named.some((label) => !labels.includes(label));
    });
    expect(wrong).toEqual([]);
  });
});
