import { MATCHING } from '../support/run-records.ts';
import type {
  DeleteEvent,
  ImageEvent,
  SourceEvent,
} from '../../consumers/agent-test-history/record/event.ts';
import { projectBatch } from '../../consumers/agent-test-history/pipeline.ts';
import { findScriptCopies } from '../../consumers/agent-test-history/lookup/script-copies.ts';
import { completeRow, type LegacyTableRow } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import type { Pool } from '../../lib/postgres.ts';

const TOPIC_ID = '7b0d1f5e-3c55-4f43-9d63-0e8a4b1d2c3f';
const BATCH_ROWS = 1_000;

/**
 * Projects tables as a topic would bring them: each row's image (of a row that is gone only its first), then a
 * delete for each row that is gone. Gives the next offset.
 */
export async function projectTables(pool: Pool, firstOffset: bigint): Promise<bigint> {
  await findScriptCopies(pool);
  const images = await readImages(
    pool,
    `${IMAGES} FROM agent_test_history UNION ALL ${IMAGES} FROM demo.deleted_row WHERE id NOT IN (SELECT legacy_id FROM history_cdc.ledger) ORDER BY id`,
  );
  const deleted = await pool.query<{ id: string }>('SELECT id FROM demo.deleted_row ORDER BY id');
  let offset = firstOffset;
  const events: SourceEvent[] = [
    ...images.map((image) => imageEvent(image, offset++)),
    ...deleted.rows.map(({ id }) => deleteEvent(id, offset++)),
  ];
  await project(pool, events);
  return offset;
}

/** Projects the rows that are in no ledger yet. Gives the next offset. */
export async function projectNewRows(pool: Pool, firstOffset: bigint): Promise<bigint> {
  const images = await readImages(
    pool,
    `${IMAGES} FROM agent_test_history WHERE id NOT IN (SELECT legacy_id FROM history_cdc.ledger) ORDER BY id`,
  );
  let offset = firstOffset;
  await project(
    pool,
    images.map((image) => imageEvent(image, offset++)),
  );
  return offset;
}

const IMAGES = `SELECT id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
    dry_run, user_id, agent_profile_json::text AS agent_profile_json, started_at::text AS started_at,
    steps_json::text AS steps_json`;

async function readImages(pool: Pool, sql: string): Promise<LegacyTableRow[]> {
  return (await pool.query<LegacyTableRow>(sql)).rows;
}

async function project(pool: Pool, events: readonly SourceEvent[]): Promise<void> {
  const context = { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING } as const;
  for (let from = 0; from < events.length; from += BATCH_ROWS) {
    const batch = events.slice(from, from + BATCH_ROWS);
    await projectBatch(context, {
      events: batch,
      mode: { kind: 'replay', topicId: TOPIC_ID, partition: 0 },
      admit: () => undefined,
    });
  }
}

function provenance(legacyId: string, offset: bigint) {
  return {
    position: { topicId: TOPIC_ID, partition: 0, offset },
    legacyId,
    lsn: offset,
    snapshot: false,
    record: { offset, key: null, value: null },
  };
}

function imageEvent(image: LegacyTableRow, offset: bigint): ImageEvent {
  const row = completeRow(image);
  return { kind: 'image', op: 'u', ...provenance(image.id, offset), committedAtMs: null, row };
}

function deleteEvent(legacyId: string, offset: bigint): DeleteEvent {
  return { kind: 'delete', ...provenance(legacyId, offset), deletedAtMs: 1_760_000_000_000 };
}
