/** The expressions of manifests/monitoring. */
import { parse } from 'yaml';
import { textOf } from './manifests.ts';

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  /** Those of a table: the last names its columns. */
  readonly transformations?: readonly {
    readonly options: { readonly renameByName?: Readonly<Record<string, string>> };
  }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

export const dashboard = JSON.parse(await textOf('manifests/monitoring/dashboard.json')) as Dashboard;

const { groups } = parse(await textOf('manifests/monitoring/alerts.yaml')) as Rules;
export const alerts = groups.flatMap(({ rules }) => rules);

/** What Grafana puts in place of its variables. */
const variables: Readonly<Record<string, string>> = { $instance: '.*', $__rate_interval: '1m', $__range: '30m' };

/** All expressions, named by their panel or alert, as Prometheus receives them. */
export const expressions: readonly (readonly [name: string, expression: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => [`${title} ${refId}`, filledIn(expr)] as const),
  ),
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
];

function filledIn(expression: string): string {
  return expression.replace(/\$\w+/g, (name) => variables[name] ?? name);
}

/** The unit of a target: that of its panel, or of its column of a table. */
export function unitOf({ fieldConfig, transformations = [] }: Panel, { refId }: Target): unknown {
  const column = transformations.at(-1)?.options.renameByName?.[`Value #${refId}`];
  const override = fieldConfig?.overrides.find(({ matcher }) => matcher.options === column);
  return override?.properties.find(({ id }) => id === 'unit')?.value ?? fieldConfig?.defaults.unit;
}
