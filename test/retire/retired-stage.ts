import { randomUUID } from 'node:crypto';
import type { Client } from '../../lib/postgres.ts';

/** As `archive` and `retire` leave it: a verified archive of three rows, and the stage `dropped` that rests on it. */
export async function recordDrop(
  canonical: Client,
  { stage = 'dropped', drilled = false }: { stage?: 'archived' | 'dropped'; drilled?: boolean } = {},
): Promise<string> {
  const id = randomUUID();
  await canonical.query(
    "INSERT INTO history_cdc.archive (id, performed_by, target) VALUES ($1, 'test', '/archive')",
    [id],
  );
  await recordArchive(canonical, id, 'verified');
  if (drilled) await recordArchive(canonical, id, 'drilled');
  const evidence = { archive: id, manifestSha256: '00', rows: 3, vanishedBehindFence: 1 };
  await canonical.query(
    "INSERT INTO history_cdc.stage (performed_by, stage, evidence) VALUES ('the data owner', $1, $2)",
    [stage, JSON.stringify(evidence)],
  );
  return id;
}

export async function recordArchive(canonical: Client, id: string, event: string): Promise<void> {
  await canonical.query(
    "INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows) VALUES ($1, 'test', $2, '\\x00', 3)",
    [id, event],
  );
}
