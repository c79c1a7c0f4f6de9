// What a text in Prometheus' format has: https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Exposed {
  /** The names of the metrics, as they are declared. */
  readonly families: readonly string[];
  /** The names that an expression may use: those of a histogram have suffixes. */
  readonly names: ReadonlySet<string>;
  /** The labels of a name, as far as it has samples. */
  readonly labelsOf: (name: string) => readonly string[];
}

export function exposedIn(text: string): Exposed {
  const families: string[] = [];
  const names = new Set<string>();
  const labels = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, family, type] = /^# TYPE (\w+) (\w+)$/.exec(line) ?? [];
    if (family !== undefined) {
      families.push(family);
      for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) names.add(family + suffix);
    }
    const [, name, inBraces = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name !== undefined)
      labels.set(
        name,
        [...inBraces.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
      );
  }
  return { families, names, labelsOf: (name) => labels.get(name) ?? [] };
}

export function familyOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}
