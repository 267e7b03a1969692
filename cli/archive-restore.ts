import { InvalidArgumentError, type Command } from 'commander';
import { recordActionAlone } from '../consumers/agent-test-history/batch/actions.ts';
import { FatalError } from '../lib/errors.ts';
import { countText } from '../lib/figures.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import type { Manifest } from '../operations/archive/manifest.ts';
import { openTarget } from '../operations/archive/open-target.ts';
import { planRestore, restoreTable, type Restored } from '../operations/archive/restore.ts';
import type { LeftOut, Place } from '../operations/archive/restored-table.ts';
import type { Target } from '../operations/archive/target.ts';
import type { CommandContext } from './context.ts';
import { filled, uuid } from './parsers.ts';
import { withProgress } from './progress.ts';
import { manifestByHash, manifestOf, withArchives } from './recorded-archive.ts';

interface Options {
  readonly by?: string;
  readonly manifestSha256?: string;
  readonly as: Place;
  readonly apply?: boolean;
  readonly json?: true;
}

const DEFAULT_PLACE: Place = { schema: 'public', table: 'agent_test_history' };

export function registerRestore(archive: Command, context: CommandContext): void {
  archive
    .command('restore')
    .description(
      'make the table elsewhere from the archive, and prove it equal; without --apply it changes nothing',
    )
    .argument('[id]', 'the archive; default: the newest one of ARCHIVE_TARGET', uuid)
    .option(
      '--manifest-sha256 <hex>',
      'the SHA-256 of its manifest, where the database that recorded it is gone',
      hexHash,
    )
    .option('--as <schema.table>', 'its name there', place, DEFAULT_PLACE)
    .option('--apply', 'do it')
    .option('--by <name>', 'who does it, for the log of actions; default: the user of this machine', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Makes the table in RESTORE_DATABASE_URL (LEGACY_DATABASE_URL unless set), which may be another server: types, columns, rows,
defaults, constraints, indexes. It is one transaction, which commits only after Postgres's own hashes of the new rows are
those of the archive. It never touches a table that is there. Foreign keys and triggers are left out, and named; grants,
comments and policies are in no archive.

Examples:
  history-cdc archive restore
  history-cdc archive restore --as restored.agent_test_history --apply`,
    )
    .action(async (archiveId: string | undefined, options: Options) => {
      const { json, apply = false, as } = options;
      const { manifest, result } = await chosen(context, { archiveId, ...options }, (target, found) =>
        restored(context, { target, manifest: found, place: as, apply }),
      );
      const table = `${as.schema}.${as.table}`;
      const { id, rows, contentSha256 } = manifest;
      context.answer('archive restore', {
        json,
        facts: { applied: apply, archive: id, table, rows, contentSha256, leftOut: result.leftOut },
        text: () => render(manifest, { ...result, table, apply }),
      });
    });
}

async function chosen(
  context: CommandContext,
  { archiveId, manifestSha256, by, apply = false }: Options & { readonly archiveId: string | undefined },
  work: (target: Target, manifest: Manifest) => Promise<Restored>,
): Promise<{ readonly manifest: Manifest; readonly result: Restored }> {
  if (manifestSha256 === undefined)
    return await withArchives(context, { command: 'archive restore' }, async (opened) => {
      const manifest = await manifestOf(opened, archiveId);
      if (apply) {
        const action = {
          command: 'archive restore --apply',
          options: [manifest.id],
          counts: { rows: manifest.rows },
          ...(by !== undefined && { by }),
        };
        await recordActionAlone(opened.canonical, action);
      }
      return { manifest, result: await work(opened.target, manifest) };
    });
  if (archiveId === undefined)
    throw new FatalError({
      code: 'USAGE',
      message: '--manifest-sha256 is the hash of one manifest, and no archive is named',
      wayOut: 'give the id of the archive: `history-cdc archive restore ID --manifest-sha256 HEX`',
    });
  const target = await openTarget(context.config());
  try {
    const manifest = await manifestByHash(target, archiveId, manifestSha256);
    return { manifest, result: await work(target, manifest) };
  } finally {
    target.close();
  }
}

interface Restoring {
  readonly target: Target;
  readonly manifest: Manifest;
  readonly place: Place;
  readonly apply: boolean;
}

async function restored(context: CommandContext, { apply, ...what }: Restoring): Promise<Restored> {
  const { RESTORE_DATABASE_URL: own } = context.config();
  const setting = own === undefined ? 'LEGACY_DATABASE_URL' : 'RESTORE_DATABASE_URL';
  const url = own ?? context.config(['LEGACY_DATABASE_URL']).LEGACY_DATABASE_URL;
  const pool: Pool = createPool({ url, name: 'history-cdc archive restore', connections: 1, copies: true });
  try {
    await assertReachable(pool, setting);
    const signal = context.surroundings.stopSignal();
    if (!apply) return await planRestore({ ...what, pool, signal, progress: () => undefined });
    return await withProgress(context, 'restored', (progress) =>
      restoreTable({ ...what, pool, signal, progress }),
    );
  } finally {
    await pool.end();
  }
}

function render(
  { id, rows }: Manifest,
  {
    leftOut,
    table,
    apply,
  }: { readonly leftOut: readonly LeftOut[]; readonly table: string; readonly apply: boolean },
): string {
  const what = `${countText(rows)} rows of the archive ${id}`;
  const lines = leftOut.map((one) => `left out: ${one.what} (${one.why})`);
  return [
    apply
      ? `${table} has the ${what}; Postgres's hashes of them are those of the archive`
      : `${table} would get the ${what}`,
    ...lines,
    ...(apply ? [] : ['nothing was changed: add --apply']),
  ].join('\n');
}

function hexHash(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text;
  throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
}

/** Names as they are, without quotes; the schema is what comes before the first dot. */
function place(text: string): Place {
  const [, schema = 'public', table = ''] = /^(?:([^.]+)\.)?(.+)$/s.exec(text) ?? [];
  if (table !== '' && [schema, table].every((name) => Buffer.byteLength(name) <= 63))
    return { schema, table };
  throw new InvalidArgumentError('It must be a name, or schema.name, each of at most 63 bytes.');
}
