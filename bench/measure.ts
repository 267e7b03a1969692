import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Environment } from '../consumers/lib/config.ts';
import type { Copy } from './databases.ts';

export interface Figures {
  /** From the start of the process to its end: what a person waits. */
  readonly rowsPerSecond: number;
  /** The time of all its statements; two partitions at once count twice. */
  readonly postgresSeconds: number;
}

interface Measurement {
  /** The checkout whose command runs. */
  readonly folder: string;
  readonly environment: Environment;
  readonly rows: number;
  readonly copy: Copy;
  readonly signal: AbortSignal;
}

const answer = z.object({ records: z.object({ applied: z.number() }) });

/** Projects the topic with the command of a checkout, whose own `migrate` makes the schema first. */
export async function measure(measurement: Measurement): Promise<Figures> {
  const { rows, copy } = measurement;
  await historyCdc(measurement, ['migrate']);
  const activeBefore = await copy.activeMs();
  const start = performance.now();
  const stdout = await historyCdc(measurement, ['project', '--until-caught-up', '--json']);
  const seconds = (performance.now() - start) / 1000;
  const { applied } = answer.parse(JSON.parse(stdout)).records;
  if (applied !== rows) throw new Error(`${String(applied)} of ${String(rows)} rows were applied`);
  return { rowsPerSecond: rows / seconds, postgresSeconds: ((await copy.activeMs()) - activeBefore) / 1000 };
}

async function historyCdc({ folder, environment, signal }: Measurement, args: string[]): Promise<string> {
  const command = [path.join(folder, 'bin', 'history-cdc.mjs'), ...args];
  const options = { cwd: folder, env: { ...environment, LOG_LEVEL: 'warn' }, signal };
  return (await promisify(execFile)(process.execPath, command, options)).stdout;
}
