import type { Command } from 'commander';
import { createDecoder } from '../consumers/agent-test-history/record/decode.ts';
import { contentOf } from '../operations/quarantine/content.ts';
import { countRecords, listRecords, readRecord } from '../operations/quarantine/records.ts';
import {
  noSuchRecord,
  retryParked,
  type RetryAnswer,
  type RetryFilter,
} from '../operations/quarantine/retry.ts';
import { waive } from '../operations/quarantine/waive.ts';
import { messageOf } from '../lib/errors.ts';
import type { Pool } from '../lib/postgres.ts';
import { schemaLookupOf } from '../lib/registry.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { measuredContext } from './pipeline-context.ts';
import { filled, rowId, several, uuid, whole } from './parsers.ts';
import { withProgress } from './progress.ts';
import {
  answerFacts,
  countsOf,
  recordFacts,
  renderList,
  renderRecord,
  renderRetry,
} from './quarantine-report.ts';
import { rowJson } from './row-json.ts';
import { withDatabases, type Databases } from './with-databases.ts';

/** The default maximum number of records in a list. */
const LISTED = 100;
const MAX_ATTEMPTS = 5;

export function registerQuarantine(command: Command, context: CommandContext): void {
  const quarantine = command.addHelpText('after', '\nExample:\n  history-cdc quarantine list');
  registerList(quarantine, context);
  registerShow(quarantine, context);
  registerRetry(quarantine, context);
  registerWaive(quarantine, context);
}

interface ListOptions {
  readonly reason?: string;
  readonly legacyId?: string;
  readonly all?: true;
  readonly limit: number;
  readonly check?: true;
  readonly json?: true;
}

function registerList(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('list')
    .description('list parked records, without values of rows; the last line counts all of them')
    .option('--reason <reason>', 'only this reason: undecodable, unmappable, value_unavailable, …')
    .option('--legacy-id <id>', 'only the records of this legacy row', uuid)
    .option('--all', 'also list healed and waived records')
    .option('--limit <n>', 'the maximum number of records to show', whole(1), LISTED)
    .option('--check', 'end with 1 if a record is open')
    .option('--json', 'print the list as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc quarantine list\n  history-cdc quarantine list --reason unmappable --check',
    )
    .action(async (options: ListOptions) => {
      const { records, counts } = await withDatabases(context, 'quarantine list', async ({ canonical }) => ({
        records: await listRecords(canonical, { ...options, all: options.all === true }),
        counts: await countRecords(canonical),
      }));
      context.answer('quarantine list', {
        json: options.json,
        facts: {
          records: rowJson(records),
          counts: Object.fromEntries(counts.map(({ reason, ...states }) => [reason, states])),
        },
        text: () => renderList(records, counts),
      });
      if (options.check === true && counts.some(({ open }) => open > 0)) throw new AnswerNo();
    });
}

function registerShow(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('show')
    .description(
      'show one record: its content, what the ledger has for its row, and what a retry would do now',
    )
    .argument('<id>', 'id of the record, as `quarantine list` shows it', rowId)
    .option('--raw', 'its bytes, too, in base64')
    .option('--json', 'print the record as JSON')
    .addHelpText(
      'after',
      '\nIt prints the content of the row, which may hold personal data.\n\nExample:\n  history-cdc quarantine show 17',
    )
    .action(async (id: string, { raw, json }: { readonly raw?: true; readonly json?: true }) => {
      const { record, shown } = await withDatabases(context, 'quarantine show', async (databases) => {
        const found = await readRecord(databases.canonical, id);
        if (found === undefined) throw noSuchRecord([id]);
        const lookUp = schemaLookupOf(databases.config);
        const answers = await retry(context, databases, {
          filter: { ids: [id] },
          dryRun: true,
          maxAttempts: Number.MAX_SAFE_INTEGER,
        });
        const key = await contentOf(found.record_key, lookUp);
        const value = await contentOf(found.record_value, lookUp);
        const answer = answers.find((one) => one.id === id);
        return { record: found, shown: { key, value, answer, raw } };
      });
      context.answer('quarantine show', {
        json,
        facts: recordFacts(record, shown),
        text: () => renderRecord(record, shown),
      });
    });
}

interface RetryCommandOptions {
  readonly id?: string[];
  readonly reason?: string;
  readonly legacyId?: string;
  readonly apply?: true;
  readonly maxAttempts: number;
  readonly json?: true;
}

function registerRetry(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('retry')
    .description('send open records through the projector again, each in its place in the order of its row')
    .option('--id <id...>', 'only these records; a waived record must be named', several(rowId))
    .option('--reason <reason>', 'only this reason')
    .option('--legacy-id <id>', 'only the records of this legacy row', uuid)
    .option('--apply', 'commit the retry; without it, the same code runs and everything is rolled back')
    .option(
      '--max-attempts <n>',
      'do not retry records that were retried this many times',
      whole(1),
      MAX_ATTEMPTS,
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nAll parked records of a row are retried together. Ends with 1 if a record stays parked.\n\nExamples:\n  history-cdc quarantine retry --reason undecodable\n  history-cdc quarantine retry --id 17 --apply',
    )
    .action(async ({ id, reason, legacyId, apply, maxAttempts, json }: RetryCommandOptions) => {
      const dryRun = apply !== true;
      const answers = await withDatabases(context, 'quarantine retry', (databases) =>
        retry(context, databases, { filter: { ids: id, reason, legacyId }, dryRun, maxAttempts }),
      );
      context.answer('quarantine retry', {
        json,
        facts: { dryRun, outcomes: countsOf(answers), records: answers.map(answerFacts) },
        text: () => renderRetry(answers, { dryRun, maxAttempts }),
      });
      if (answers.some(({ outcome }) => LEFT.has(outcome))) throw new AnswerNo();
    });
}

/** The outcomes that leave a record parked. */
const LEFT: ReadonlySet<RetryAnswer['outcome']> = new Set(['failed', 'waiting', 'exhausted']);

interface Retrying {
  readonly filter: RetryFilter;
  readonly dryRun: boolean;
  readonly maxAttempts: number;
}

async function retry(
  context: CommandContext,
  databases: Databases,
  retrying: Retrying,
): Promise<RetryAnswer[]> {
  const measured = await measuredContext(databases, { writes: !retrying.dryRun });
  const total = await expected(databases.canonical, retrying.filter);
  const answers: RetryAnswer[] = [];
  await withProgress(context, 'retried', (progress) =>
    retryParked({
      ...retrying,
      context: measured,
      decode: createDecoder(schemaLookupOf(databases.config), databases.config.UNAVAILABLE_PLACEHOLDER, {
        mayKnowNone: true,
        parkUnusable: true,
      }),
      retrying: (error) => {
        context.note(`tried again: ${messageOf(error)}`);
      },
      retried: (records) => {
        answers.push(...records);
        progress(answers.length, total);
      },
    }),
  );
  return answers;
}

/** The number of records to retry; 0 if they are too few for a progress bar. */
async function expected(canonical: Pool, { ids, reason, legacyId }: RetryFilter): Promise<number> {
  if (ids !== undefined || legacyId !== undefined) return 0;
  const counts = await countRecords(canonical);
  return counts.reduce((sum, count) => sum + ((reason ?? count.reason) === count.reason ? count.open : 0), 0);
}

function registerWaive(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('waive')
    .description('give up open records; they stay counted, and their rows stay `quarantined`')
    .requiredOption('--id <id...>', 'these records', several(rowId))
    .requiredOption('--by <name>', 'the person who takes responsibility', filled)
    .requiredOption('--reason <text>', 'why nothing is lost', filled)
    .addHelpText(
      'after',
      '\nA later complete event of the row still heals a waived record.\n\nExample:\n  history-cdc quarantine waive --id 17 --by "the data owner" --reason "a test row of staging"',
    )
    .action(async ({ id, by, reason }: { id: string[]; by: string; reason: string }) => {
      await withDatabases(context, 'quarantine waive', async ({ canonical }) => {
        await waive(canonical, { ids: id, by, reason });
      });
      context.print(`waived ${id.join(', ')}`);
    });
}
