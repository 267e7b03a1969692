import { FatalError, messageOf } from '../../lib/errors.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { recordEvent } from './archive-store.ts';
import { recordedAs, type Manifest } from './manifest.ts';
import { restoreTable, type Restored } from './restore.ts';
import type { Target } from './target.ts';

/** A server that nobody else uses, and that is gone with its data once it is stopped. */
export interface ThrowAwayPostgres {
  /** As its superuser. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface DrillContext {
  /** With the schema history_cdc, where the result is recorded. */
  readonly canonical: Pool;
  readonly target: Target;
  readonly manifest: Manifest;
  readonly by?: string | undefined;
  readonly start: () => Promise<ThrowAwayPostgres>;
  readonly signal: AbortSignal;
  readonly progress: (rows: number, total: number) => void;
}

export type Drill =
  | (Restored & { readonly passed: true; readonly seconds: number })
  | { readonly passed: false; readonly seconds: number; readonly code: string; readonly why: string };

/** These say that the archive is not what it should be. Every other error says nothing of it, and nothing is recorded. */
const OF_THE_ARCHIVE = ['ARCHIVE_DAMAGED', 'ARCHIVE_OBJECT_MISSING', 'RESTORE_DIFFERS'];

/** Restores the archive into a server of its own, and records whether Postgres's hashes of the new rows are the archive's. */
export async function drillArchive(context: DrillContext): Promise<Drill> {
  const { canonical, manifest, by, start } = context;
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 100) / 10;
  const server = await start();
  try {
    const restored = await restoreInto(server.url, context);
    const counts = { rows: restored.rows, leftOut: restored.leftOut.length };
    await recordEvent(canonical, {
      event: 'drilled',
      ...recordedAs(manifest),
      source: undefined,
      counts,
      by,
    });
    return { passed: true, seconds: seconds(), ...restored };
  } catch (error) {
    if (!(error instanceof FatalError) || !OF_THE_ARCHIVE.includes(error.code)) throw error;
    await recordEvent(canonical, {
      event: 'drill_differs',
      ...recordedAs(manifest),
      source: undefined,
      counts: {},
      by,
    });
    return { passed: false, seconds: seconds(), code: error.code, why: messageOf(error) };
  } finally {
    await server.stop();
  }
}

async function restoreInto(
  url: string,
  { target, manifest, signal, progress }: DrillContext,
): Promise<Restored> {
  const pool = createPool({ url, name: 'history-cdc archive drill', connections: 1, copies: true });
  try {
    const place = { schema: 'public', table: 'agent_test_history' };
    return await restoreTable({ target, manifest, pool, place, signal, progress });
  } finally {
    await pool.end();
  }
}
