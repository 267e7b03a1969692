/**
 * Writes what Kubernetes needs of `observability/` into `deploy/kubernetes/generated/`. `npm run docs:kubernetes`; a test
 * holds the files against this.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

const HEAD = '# Generated from observability/ by `npm run docs:kubernetes`. Do not change it here.\n';
const GENERATED = new URL('../deploy/kubernetes/generated/', import.meta.url);

/** By the name of the file. */
export function kubernetesFiles(): Readonly<Record<string, string>> {
  const rules = parse(read('alerts.yml')) as { readonly groups: readonly unknown[] };
  return {
    'prometheus-rule.yaml': manifest('monitoring.coreos.com/v1', 'PrometheusRule', {
      metadata: { name: 'history-cdc' },
      spec: { groups: rules.groups },
    }),
    'connect-metrics.yaml': manifest('v1', 'ConfigMap', {
      metadata: { name: 'history-cdc-connect-metrics' },
      data: { 'kafka-connect-jmx.yml': read('kafka-connect-jmx.yml') },
    }),
  };
}

function manifest(apiVersion: string, kind: string, rest: object): string {
  return HEAD + stringify({ apiVersion, kind, ...rest }, { lineWidth: 0, singleQuote: true });
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(kubernetesFiles())) writeFileSync(new URL(name, GENERATED), text);
}
