/**
 * Checks the dashboard against Grafana's own types: of dashboards, panels, queries of Prometheus, and the options of a graph. A property
 * that Grafana does not know, or a value of another type, is a fault. Grafana itself is not run.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { root, textOf } from './manifests.ts';

/** As the dashboard is checked; each enum stands for its values, which JSON has. */
const typesOfDashboard = `
import type { Dashboard, DataQuery, GraphFieldConfig, Panel, RowPanel } from '@grafana/schema';
type Json<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type With<T, Changed> = Omit<T, keyof Changed> & Changed;
type Query = DataQuery & { expr: string; legendFormat?: string; format?: 'table' | 'time_series'; instant?: boolean };
type FieldConfig = NonNullable<Panel['fieldConfig']>;
type Defaults = With<FieldConfig['defaults'], { custom?: GraphFieldConfig; thresholds?: { mode: 'absolute'; steps: { value: number | null; color: string }[] } }>;
type ShownPanel = With<Panel, { type: 'timeseries' | 'stat' | 'table'; targets: Query[]; fieldConfig: With<FieldConfig, { defaults: Defaults }> }>;
export const dashboard: Json<With<Dashboard, { panels: (ShownPanel | RowPanel)[] }>> = `;

const checkedFile = join(root, 'test/deploy/dashboard.json.ts');

function faultsOf(json: string): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const withChecked: ts.CompilerHost = {
    ...host,
    fileExists: (path) => path === checkedFile || host.fileExists(path),
    readFile: (path) => (path === checkedFile ? `${typesOfDashboard}${json};` : host.readFile(path)),
    getSourceFile: (path, language) =>
      path === checkedFile
        ? ts.createSourceFile(path, `${typesOfDashboard}${json};`, language)
        : host.getSourceFile(path, language),
  };
  const program = ts.createProgram([checkedFile], options, withChecked);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n').slice(-300));
}

it('the dashboard has the types that Grafana expects', async () => {
  expect(faultsOf(await textOf('manifests/monitoring/dashboard.json'))).toEqual([]);
});

it.each([
  ['an unknown property of a panel', '"gridPos"', '"gridPosition"'],
  ['an unknown property of a query', '"legendFormat"', '"legend"'],
  ['another type', '"schemaVersion": 39', '"schemaVersion": "39"'],
  ['an unknown mode of a threshold', '"absolute"', '"relative"'],
  ['an unknown scale', '"log": 10', '"base": 10'],
])('%s would be found', async (_, right, wrong) => {
  const json = await textOf('manifests/monitoring/dashboard.json');
  expect(json).toContain(right);
  expect(faultsOf(json.replace(right, wrong))).not.toEqual([]);
});
