import { readFileSync } from 'node:fs';
import type { Pool } from '../lib/postgres.ts';

/** The application's tables, and one row of each kind. Both files are safe to run again. */
const FILES = ['application.sql', 'example-rows.sql'] as const;

/** Loads the application's tables, with the same example rows as docker-compose.yml. Existing rows are not changed. */
export async function loadExample(pool: Pool): Promise<void> {
  for (const file of FILES) await pool.query(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

/** True if the application's tables exist. */
export async function hasApplication(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ there: boolean }>(
    "SELECT to_regclass('public.agent_test_history') IS NOT NULL AS there",
  );
  return rows[0]?.there === true;
}
