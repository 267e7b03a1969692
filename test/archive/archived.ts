import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { exportArchive, type ExportContext, type ExportResult } from '../../operations/archive/export.ts';
import { folderTarget } from '../../operations/archive/folder-target.ts';
import type { Target } from '../../operations/archive/target.ts';
import { EDGE_PROFILES, EDGE_SUMMARIES, EDGE_TIMES } from '../support/edge-values.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

/** A migrated database, a pool that can COPY from its legacy table, and a folder to archive it to. */
export interface ArchiveWorld {
  readonly database: OpenDatabase['database'];
  readonly canonical: Pool;
  readonly legacy: Pool;
  /** A new one per test file; `fresh` makes more. */
  readonly target: Target;
  readonly folder: string;
  readonly fresh: () => { readonly folder: string; readonly target: Target };
}

export function useArchiveWorld(): () => ArchiveWorld {
  let world: ArchiveWorld | undefined;
  let close: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const open = await openMigratedDatabase();
    const legacy = createPool({ url: open.database.url, name: 'archive', connections: 1, copies: true });
    const folders: string[] = [];
    const fresh = () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-archive-'));
      folders.push(folder);
      return { folder, target: folderTarget(folder) };
    };
    world = { database: open.database, canonical: open.pool, legacy, fresh, ...fresh() };
    close = async () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      await legacy.end();
      await open.close();
    };
  });
  afterAll(async () => {
    await close?.();
  });
  return () => {
    if (world === undefined) throw new Error('the world is not there yet');
    return world;
  };
}

export async function exported(
  world: ArchiveWorld,
  more: Partial<ExportContext> = {},
): Promise<ExportResult> {
  return await exportArchive({
    ...world,
    signal: new AbortController().signal,
    progress: () => undefined,
    ...more,
  });
}

const CONTEXT =
  "INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, 'https://agent.example')";
const ROW = `
  INSERT INTO public.agent_test_history
    (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, brief,
     triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
  VALUES ($1, $2, 'quality_evaluation', $3, $4, $5, $6, $7, $8, NULL, '', $9, $10, $11, $12, $12)`;

/** Rows with every value that is easily mangled; returns how many. */
export async function hardRows(pool: Pool): Promise<number> {
  const context = randomUUID();
  await pool.query(CONTEXT, [context, `org ${context}`]);
  let rows = 0;
  for (const [at, time] of EDGE_TIMES.entries()) {
    for (const summary of [...EDGE_SUMMARIES, null]) {
      const profile = EDGE_PROFILES[(at + rows) % (EDGE_PROFILES.length + 1)] ?? null;
      const number = rows % 2 === 0 ? 2_147_483_647 : -2_147_483_648;
      await pool.query(ROW, [
        randomUUID(),
        context,
        rows % 2 === 0,
        number,
        0,
        rows % 3 === 0 ? null : number,
        summary,
        [true, false, null][rows % 3],
        rows % 4 === 0 ? null : `user ${String(rows)}`,
        profile,
        EDGE_PROFILES[rows % EDGE_PROFILES.length],
        time,
      ]);
      rows++;
    }
  }
  return rows;
}

/** Gives the rows that meet a condition a decision in the ledger. */
export async function decided(pool: Pool, condition: string, decision: string): Promise<void> {
  await pool.query(
    `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot)
     SELECT id, $1, 'a test', 2, '00000000-0000-0000-0000-000000000001', 0, 1, 'c', false
     FROM public.agent_test_history WHERE ${condition}`,
    [decision],
  );
}
