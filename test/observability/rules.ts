import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { createMetrics } from '../../lib/metrics.ts';

export const OBSERVABILITY = path.join(import.meta.dirname, '..', '..', 'observability');

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export function readYaml(name: string): unknown {
  return parse(readFileSync(path.join(OBSERVABILITY, name), 'utf8'));
}

export const RULES = (readYaml('alerts.yml') as RuleFile).groups.flatMap(({ rules }) => rules);

/** Every name that Prometheus can know: ours, those of the JMX agent's rules, and `up`. */
export async function knownNames(): Promise<ReadonlySet<string>> {
  const metrics = await createMetrics().registry.getMetricsAsJSON();
  const ours = metrics.flatMap(({ name, type }) =>
    String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const { rules } = readYaml('kafka-connect-jmx.yml') as { rules: { name: string }[] };
  return new Set([...ours, ...rules.map(({ name }) => name), 'up']);
}

/** The metrics that an expression names. */
export function namesIn(expr: string): readonly string[] {
  return [...new Set(expr.match(/\b(?:history_cdc|debezium|kafka_connect|nodejs|process)_\w+|\bup\b/g))];
}
