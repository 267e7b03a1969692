import { spawnSync } from 'node:child_process';
import { messageOf } from '../../lib/errors.ts';
import { fetchPrometheus, type PrometheusPrograms } from '../../stack/prometheus.ts';

/** Undefined on a machine where Prometheus cannot be had: the tests that need it then say so, and skip. */
export async function prometheusIfAny(): Promise<PrometheusPrograms | undefined> {
  try {
    return await fetchPrometheus(process.env, () => undefined);
  } catch (error) {
    process.stderr.write(`tests are skipped that need Prometheus: ${messageOf(error)}\n`);
    return undefined;
  }
}

/** Runs promtool to its end. */
export function promtool(
  { promtool: file }: PrometheusPrograms,
  args: readonly string[],
  input?: string,
): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', input });
  return { code: status, output: stdout + stderr };
}
