// What a PromQL expression refers to, by Prometheus' own grammar.
import { parser } from '@prometheus-io/lezer-promql';

export interface References {
  readonly metrics: readonly string[];
  /** Those that it selects by, groups by or joins on. */
  readonly labels: readonly string[];
}

/** @throws {SyntaxError} if the expression is not PromQL. */
export function referencesOf(expression: string): References {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  parser.parse(expression).iterate({
    enter({ type, name, from, to, node }) {
      if (type.isError) throw new SyntaxError(`not PromQL at ${from}: ${expression}`);
      const text = expression.slice(from, to);
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.add(text);
      else if (name === 'LabelName') labels.add(text);
    },
  });
  return { metrics: [...metrics], labels: [...labels] };
}
