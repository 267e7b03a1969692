import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import type { ConfigWith } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import { recordedArchives } from '../operations/archive/archive-store.ts';
import { chooseArchive, readManifest, recordedManifest } from '../operations/archive/load-manifest.ts';
import { manifestBytes, sha256Of, type Manifest } from '../operations/archive/manifest.ts';
import { openTarget } from '../operations/archive/open-target.ts';
import type { Target } from '../operations/archive/target.ts';
import { withTurn, type Turn } from '../lib/retirement-turn.ts';
import type { CommandContext } from './context.ts';

interface Opened {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  readonly target: Target;
  /** With the schema history_cdc. */
  readonly canonical: Pool;
}

/**
 * Opens the target and the database that knows its archives, for the time of a command. Refuses while the table is being fenced
 * or dropped.
 */
export async function withArchives<T>(
  context: CommandContext,
  { command, turn = 'beside others' }: { readonly command: string; readonly turn?: Turn },
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  const canonical = createPool({ url: config.DATABASE_URL, name: `history-cdc ${command}`, connections: 4 });
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertMigrated(canonical);
    const target = await openTarget(config);
    try {
      return await withTurn(canonical, turn, () => work({ config, target, canonical }));
    } finally {
      target.close();
    }
  } finally {
    await canonical.end();
  }
}

/** The manifest as the database recorded it; of the newest archive without an id. */
export async function manifestOf({ canonical, target }: Opened, id: string | undefined): Promise<Manifest> {
  return await recordedManifest(target, chooseArchive(await recordedArchives(canonical), target, id));
}

/** The manifest with this SHA-256: for an archive of a database that is gone. */
export async function manifestByHash(target: Target, id: string, sha256: string): Promise<Manifest> {
  const manifest = await readManifest(target, id);
  const found = sha256Of(manifestBytes(manifest));
  if (found === sha256.toLowerCase()) return manifest;
  throw new FatalError({
    code: 'ARCHIVE_DAMAGED',
    message: `the manifest of the archive ${id} has the SHA-256 ${found}, and ${sha256} was given`,
    wayOut:
      'compare it with the one that was kept of the export (`history-cdc archive list`, the evidence file)',
  });
}
