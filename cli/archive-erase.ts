import type { Command } from 'commander';
import { FatalError } from '../lib/errors.ts';
import { countText } from '../lib/figures.ts';
import { assertReachable, createPool } from '../lib/postgres.ts';
import { sqlState } from '../lib/postgres-errors.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { eraseUser, planErasure, type Erasure } from '../operations/archive/erase.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, notBlank } from './parsers.ts';
import { withProgress } from './progress.ts';
import { withArchives } from './recorded-archive.ts';

interface Options {
  readonly user: string;
  readonly by?: string;
  readonly apply?: boolean;
  readonly confirm?: string;
  readonly json?: true;
}

const CONFIRMED = 'agent_test_history';

export function registerErase(archive: Command, context: CommandContext): void {
  archive
    .command('erase')
    .description(
      "take a person's rows out of every archive of ARCHIVE_TARGET; without --apply it changes nothing",
    )
    .requiredOption('--user <id>', 'user id, as agent_test_history has it', notBlank)
    .option('--apply', 'do it; needs --confirm')
    .option('--confirm <table>', CONFIRMED)
    .option('--by <name>', 'who does it, for the log of actions; default: the user of this machine', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Reads every object of every archive. With --apply, the objects with rows of this user are written again without them, the
manifests name the new objects, and the old ones are removed, on S3 with all their versions. What is recorded are counts:
nothing names the user, or what the rows held. An archive that was changed has to be verified again.

An object lock (ARCHIVE_OBJECT_LOCK) keeps S3 from removing an object before its time: the manifests name it no longer, it is
listed as left, and the exit code is 1. Run the command again after that day. Copies of a bucket, restored tables and text
inside of other people's rows are not looked at. Erase the rows in the application first, or the next export brings them back.

Examples:
  history-cdc archive erase --user user_01H0000000000000000000000
  history-cdc archive erase --user user_01H0000000000000000000000 --apply --confirm agent_test_history`,
    )
    .action(async ({ user, by, apply = false, confirm, json }: Options) => {
      if (apply && confirm !== CONFIRMED) throw notConfirmed();
      const legacyRows = await rowsInTable(context, user);
      // Whoever reads the archives meanwhile would meet objects that are gone, and take them for damaged.
      const turn = apply ? 'alone' : 'beside others';
      const result = await withArchives(
        context,
        { command: 'archive erase', turn },
        ({ canonical, target }) =>
          withProgress(context, 'objects looked at', (progress) => {
            const signal = context.surroundings.stopSignal();
            const work = { canonical, target, user, by, signal, progress };
            return apply ? eraseUser(work) : planErasure(work);
          }),
      );
      context.answer('archive erase', {
        json,
        facts: { ...result, legacyRows },
        text: () => render(result, legacyRows),
      });
      if (result.left.length > 0) throw new AnswerNo();
    });
}

function notConfirmed(): FatalError {
  return new FatalError({
    code: 'NOT_CONFIRMED',
    message: 'nothing brings erased rows back; nothing was changed',
    wayOut: `look at the dry run, and if that is what you want, add --confirm ${CONFIRMED}`,
  });
}

const UNDEFINED_TABLE = '42P01';

/** Null once the table is dropped. */
async function rowsInTable(context: CommandContext, user: string): Promise<number | null> {
  const { LEGACY_DATABASE_URL: url } = context.config(['LEGACY_DATABASE_URL']);
  const pool = createPool({ url, name: 'history-cdc archive erase', connections: 1 });
  try {
    await assertReachable(pool, 'LEGACY_DATABASE_URL');
    const count = 'SELECT count(*)::int AS rows FROM public.agent_test_history WHERE user_id = $1';
    return (await pool.query<{ rows: number }>(count, [user])).rows[0]?.rows ?? null;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return null;
    throw error;
  } finally {
    await pool.end();
  }
}

function render(
  { applied, rows, archives, objects, leftovers, left }: Erasure,
  legacyRows: number | null,
): Screen {
  const table = tableOf(
    [applied ? 'erased' : 'would be erased', 'number'],
    [
      ['rows, in all objects', rows],
      ['objects with such rows', objects.length],
      ['archives with such rows', archives.length],
      ['objects that no manifest names, removed as a whole', leftovers.length],
    ],
  );
  const stays =
    legacyRows === null || legacyRows === 0
      ? []
      : [
          `${countText(legacyRows)} rows of agent_test_history name the user: the next export would archive them again`,
        ];
  return [
    table,
    ...left.map(({ name, why }) => `left: ${name}: ${why}`),
    ...stays,
    ...(applied ? [] : [`nothing was changed: add --apply --confirm ${CONFIRMED}`]),
  ];
}
