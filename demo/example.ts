import { readFileSync } from 'node:fs';
import type { Pool } from '../lib/postgres.ts';

/** The application's tables, and one row of each kind. Both files are safe to run again. */
const FILES = ['application.sql', 'example-rows.sql'] as const;

/** Loads the application's tables with the example rows that docker-compose.yml loads. Changes no row that is there. */
export async function loadExample(pool: Pool): Promise<void> {
  for (const file of FILES) await pool.query(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

/** Whether the application's tables are there. */
export async function hasApplication(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ there: boolean }>(
    "SELECT to_regclass('public.agent_test_history') IS NOT NULL AS there",
  );
  return rows[0]?.there === true;
}
