import type { Command } from 'commander';
import { DIFFERENCES } from '../operations/archive/differences.ts';
import { exportArchive, type ExportResult } from '../operations/archive/export.ts';
import { listArchives, type ArchiveList } from '../operations/archive/list.ts';
import { verifyArchive, type VerifyResult } from '../operations/archive/verify.ts';
import { bytesText, countText } from '../lib/figures.ts';
import { withTurn } from '../lib/retirement-turn.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { registerDrill } from './archive-drill.ts';
import { registerErase } from './archive-erase.ts';
import { registerRestore } from './archive-restore.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, uuid } from './parsers.ts';
import { withProgress } from './progress.ts';
import { withArchive } from './with-archive.ts';

const HELP = `
Archives every row of the legacy table, with all its columns and the ledger's decision, to ARCHIVE_TARGET: a folder, or
s3://bucket/prefix. The objects are Avro files, one per month, which public tools read; operations/archive/manifest.ts
describes the format. Nothing that exists is ever overwritten.

LEGACY_DATABASE_URL may be a role that has SELECT on agent_test_history and nothing else. Credentials for S3 come from the AWS
SDK's own chain (AWS_ACCESS_KEY_ID, AWS_PROFILE, the role of the machine), and from nowhere else.

Examples:
  history-cdc archive export
  history-cdc archive verify
  history-cdc archive list --json
  history-cdc archive drill`;

interface Options {
  readonly by?: string;
  readonly json?: true;
}

export function registerArchive(command: Command, context: CommandContext): void {
  command.addHelpText('after', HELP);
  registerExport(command, context);
  registerVerify(command, context);
  registerList(command, context);
  registerRestore(command, context);
  registerDrill(command, context);
  registerErase(command, context);
}

function registerExport(archive: Command, context: CommandContext): void {
  archive
    .command('export')
    .description('archive the table as it is now; writes only the months that changed since the last export')
    .option('--by <name>', 'who does it, for the log of actions; default: the user of this machine', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nThe manifest is written last: an export that is killed leaves no archive, and the next one keeps its objects.\n\nExample:\n  history-cdc archive export --by anna',
    )
    .action(async ({ by, json }: Options) => {
      const result = await withArchive(context, 'export', (parts) =>
        withProgress(context, 'rows archived', (progress) =>
          withTurn(parts.canonical, 'beside others', ({ assertHeld: assertTurn }) => {
            const signal = context.surroundings.stopSignal();
            return exportArchive({ ...parts, by, progress, assertTurn, signal });
          }),
        ),
      );
      context.answer('archive export', {
        json,
        facts: exportFacts(result),
        text: () => exportText(result),
      });
    });
}

function exportFacts({ manifest, source, isNew, written, kept, removed }: ExportResult) {
  const { id, target, rows, decisions, contentSha256, objects } = manifest;
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  const { snapshotLsn } = source;
  return {
    ...{ id, target, isNew, rows, decisions, objects: objects.length, bytes, contentSha256, snapshotLsn },
    ...{ written, kept, removed },
  };
}

function exportText(result: ExportResult): Screen {
  const { id, target, isNew, rows, decisions, objects, bytes, written, kept, removed } = exportFacts(result);
  const table = tableOf(
    ['decision', 'rows'],
    Object.entries(decisions).map(([name, count]) => [name, count]),
  );
  const what = isNew ? `archive ${id}` : `the archive ${id} holds the table as it is; nothing was written`;
  return [
    `${what} at ${target}`,
    `${countText(rows)} rows in ${countText(objects)} objects, ${bytesText(bytes)}: ${countText(written.length)} months written, ${countText(kept.length)} found as they are`,
    ...(removed.length > 0
      ? [`removed ${countText(removed.length)} unfinished uploads of a killed export`]
      : []),
    table,
    'next: `history-cdc archive verify` reads it back and compares it with the table',
  ];
}

function registerVerify(archive: Command, context: CommandContext): void {
  archive
    .command('verify')
    .description('read an archive back, and compare it with table and ledger row by row, both ways')
    .argument('[id]', 'the archive; default: the newest one of ARCHIVE_TARGET', uuid)
    .option('--by <name>', 'who does it, for the log of actions; default: the user of this machine', filled)
    .option('--json', 'print the result as JSON, with up to 1,000 ids of each kind')
    .addHelpText(
      'after',
      `
missing      a row of the table is not in the archive          extra        the archive has a row that the table has not
content      a row has another content                         decision     the ledger says something else of a row
ledger_only  the ledger has a row as not deleted that the table has not

Ends with 1 where anything differs. A row that was deleted since, as the ledger recorded, is counted and is no difference.

Example:
  history-cdc archive verify --json`,
    )
    .action(async (archiveId: string | undefined, { by, json }: Options) => {
      const result = await withArchive(context, 'verify', (parts) =>
        withProgress(context, 'rows compared', (progress) =>
          withTurn(parts.canonical, 'beside others', ({ assertHeld: assertTurn }) => {
            const signal = context.surroundings.stopSignal();
            return verifyArchive({ ...parts, archiveId, by, progress, assertTurn, signal });
          }),
        ),
      );
      context.answer('archive verify', {
        json,
        facts: verifyFacts(result),
        text: () => verifyText(result),
      });
      if (result.verdict !== 'verified') throw new AnswerNo();
    });
}

function verifyFacts({ archiveId, verdict, rows, source, differences, damaged }: VerifyResult) {
  const found = DIFFERENCES.map(
    (kind) => [kind, { count: differences.count(kind), ids: differences.ids(kind) }] as const,
  );
  const { same, deletedSince } = differences;
  const { snapshotLsn } = source;
  return {
    ...{ id: archiveId, verdict, rows, same, deletedSince, snapshotLsn, damaged },
    differences: Object.fromEntries(found),
  };
}

/** Ids of each kind that a person is shown. */
const SHOWN = 20;

function verifyText({ archiveId, verdict, rows, differences, damaged }: VerifyResult): Screen {
  const lines = DIFFERENCES.filter((kind) => differences.count(kind) > 0).map((kind) => {
    const ids = differences.ids(kind).slice(0, SHOWN);
    const more = differences.count(kind) - ids.length;
    return `${kind}: ${ids.join(' ')}${more > 0 ? `, and ${countText(more)} more` : ''}`;
  });
  const table = tableOf(
    ['what', 'rows'],
    [
      ['in the archive', rows],
      ['equal in archive, table and ledger', differences.same],
      ['deleted from the table since, as the ledger recorded', differences.deletedSince],
      ...DIFFERENCES.map((kind) => [kind, differences.count(kind)] as const),
    ],
  );
  return [
    `archive ${archiveId}: ${verdict}`,
    table,
    ...damaged.map(({ object, why }) => `damaged ${object}: ${why}`),
    ...lines,
    ...(verdict === 'verified'
      ? []
      : ['next: `history-cdc archive export` archives the table as it is now, and then verify again']),
  ];
}

function registerList(archive: Command, context: CommandContext): void {
  archive
    .command('list')
    .description('the archives, what became of each, and what else lies in ARCHIVE_TARGET')
    .option('--json', 'print the list as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc archive list')
    .action(async ({ json }: Options) => {
      const list = await withArchive(context, 'list', ({ canonical, target }) =>
        listArchives(canonical, target),
      );
      context.answer('archive list', { json, facts: listFacts(list), text: () => listText(list) });
    });
}

function listFacts({ archives, ...rest }: ArchiveList) {
  const listed = archives.map(
    ({ id, at, performed_by, target, state, event_at, rows, verified_at, manifest }) => ({
      ...{ id, at, target, state },
      performedBy: performed_by,
      stateAt: event_at,
      rows: rows === null ? null : Number(rows),
      objects: manifest?.objects.length ?? null,
      verifiedAt: verified_at,
    }),
  );
  return { ...rest, archives: listed };
}

function listText(list: ArchiveList): Screen {
  const { archives, objects, bytes, unreferenced } = listFacts(list);
  const table = tableOf(
    ['archive', 'begun', 'state', 'rows', 'verified', 'target'],
    archives.map(({ id, at, state, rows, verifiedAt, target }) => [
      ...[id, at.toISOString(), state, rows === null ? '-' : countText(rows)],
      ...[verifiedAt?.toISOString() ?? '-', target],
    ]),
  );
  return [
    archives.length === 0 ? 'no archive was ever made: `history-cdc archive export`' : table,
    `${countText(objects)} objects in the target, ${bytesText(bytes)}; ${countText(unreferenced.length)} of them belong to no archive`,
    ...unreferenced.slice(0, SHOWN).map((name) => `  ${name}`),
  ];
}
