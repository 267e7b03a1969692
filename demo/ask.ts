import type { z } from 'zod';
import { TABLE } from '../operations/retire/drop.ts';
import type { Pool } from '../lib/postgres.ts';
import { runCommand } from './command.ts';
import type { Surroundings } from './phases.ts';

/** Runs a command that may also answer no (exit code 1), and returns its answer, parsed by `shape`. */
export async function ask<T extends z.ZodType>(
  { command, signal }: Surroundings,
  args: readonly string[],
  shape: T,
): Promise<z.output<T>> {
  return shape.parse(await runCommand([...args, '--json'], { ...command, signal, codes: [0, 1] }));
}

export async function legacyRows(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>(`SELECT count(*)::integer AS rows FROM ${TABLE}`);
  return rows[0]?.rows ?? 0;
}
