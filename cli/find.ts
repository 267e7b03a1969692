import { InvalidArgumentError, Option, type Command } from 'commander';
import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import { CANONICAL_READS } from '../consumers/agent-test-history/schema/requirements.ts';
import { DECISIONS, type Decision } from '../consumers/agent-test-history/rule/outcome.ts';
import { FatalError } from '../lib/errors.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import { assertSeesWhole } from '../lib/sees-whole.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { findById, SHORT_ID, type FoundById } from '../operations/find/by-id.ts';
import { placeOf, type FoundRow, type Place } from '../operations/find/rows.ts';
import { findRows, type FoundPage } from '../operations/find/search.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { moment, notBlank, whole } from './parsers.ts';
import { rowJson } from './row-json.ts';

interface Options {
  readonly id?: string;
  readonly agent?: string;
  readonly agentPart?: string;
  readonly organization?: string;
  readonly user?: string;
  readonly decision?: Decision;
  readonly reason?: string;
  readonly quarantined?: true;
  readonly notQuarantined?: true;
  readonly from?: Date;
  readonly to?: Date;
  readonly limit: number;
  readonly after?: Place;
  readonly json?: true;
}

const OTHERS = ['agent', 'agentPart', 'organization', 'user', 'decision', 'reason'];
const HELP = `
Changes nothing. Finds rows in the ledger, newest first; also after the legacy table was dropped. Ends with 1 if there is
none. A row that has no decision yet is found by its id only.

Examples:
  history-cdc find --agent https://agent.example/mcp
  history-cdc find --agent-part example --decision third_party --from 2026-11-01T00:00:00Z
  history-cdc find --id 6b0f7a52
  history-cdc find --quarantined --json`;

export function registerFind(command: Command, context: CommandContext): void {
  command
    .addOption(
      new Option('--id <start>', 'the first characters of a legacy id or canonical id, at least 4')
        .argParser(shortId)
        .conflicts([...OTHERS, 'quarantined', 'notQuarantined', 'from', 'to', 'after']),
    )
    .addOption(new Option('--agent <url>', 'the agent, in any spelling of its URL').conflicts('agentPart'))
    .option('--agent-part <text>', 'a part of the URL of the agent', notBlank)
    .option('--organization <id>', 'the organisation of the context', notBlank)
    .option('--user <id>', 'the user of the run', notBlank)
    .addOption(new Option('--decision <decision>', 'the decision').choices(DECISIONS))
    .option('--reason <reason>', 'the reason of the decision: straggler, history, not_a_member, …', notBlank)
    .addOption(
      new Option('--quarantined', 'only rows with a record that waits in quarantine').conflicts(
        'notQuarantined',
      ),
    )
    .option('--not-quarantined', 'only rows without one')
    .option('--from <time>', 'the run started then or later', moment)
    .option('--to <time>', 'the run started before', moment)
    .option('--limit <n>', 'rows per page', whole(1, 1000), 50)
    .option('--after <cursor>', 'the next page: the cursor that the page before ends with', cursor)
    .option('--json', 'print the rows as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      await run(context, options);
    });
}

async function run(context: CommandContext, options: Options): Promise<void> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  const pool = (url: string) => createPool({ url, name: 'history-cdc find', connections: 1 });
  const [canonical, legacy] = [pool(config.DATABASE_URL), pool(config.LEGACY_DATABASE_URL)];
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertMigrated(canonical);
    await assertSeesWhole(canonical, [...CANONICAL_READS, 'history_cdc.ledger'], 'DATABASE_URL');
    answer(context, options, await look({ canonical, legacy }, options));
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
}

type Found = FoundPage & { readonly unseen: string | null };

async function look(
  pools: { readonly canonical: Pool; readonly legacy: Pool },
  { id, limit, after, quarantined, notQuarantined, ...wanted }: Options,
): Promise<Found> {
  if (id !== undefined) return ofId(await findById(pools, id, limit));
  const parked = quarantined ?? (notQuarantined === true ? false : undefined);
  const page = await findRows(pools.canonical, { ...wanted, parked }, { limit, after });
  return { ...page, unseen: null };
}

function ofId({ rows, more, unseen }: FoundById): Found {
  return {
    rows,
    next: null,
    agents: null,
    notes: [
      ...(more ? ['more rows begin like this: give more characters of the id'] : []),
      ...(unseen === null
        ? []
        : [`the legacy table was not asked for rows that have no decision yet: ${unseen}`]),
    ],
    unseen,
  };
}

function answer(context: CommandContext, { json }: Options, found: Found): void {
  const { rows, next, agents, notes, unseen } = found;
  context.answer('find', {
    json,
    facts: { rows: rowJson(rows), next, agents, notes },
    text: () => render(found),
  });
  if (rows.length > 0) return;
  if (unseen === null) throw new AnswerNo();
  throw new FatalError({
    code: 'DATABASE_UNREACHABLE',
    message: `nothing was found, but the legacy table was not seen: ${unseen}`,
    wayOut: 'check LEGACY_DATABASE_URL (`history-cdc doctor`), and search again',
  });
}

function render({ rows, next, agents, notes }: Found): Screen {
  const table =
    rows.length === 0
      ? 'no row found; a row that has no decision yet is found by its id only'
      : tableOf(
          ['started', 'id', 'agent', 'decision', 'reason', 'canonical row'],
          rows.map((row) => [
            row.started_at ?? '-',
            row.legacy_id?.slice(0, 8) ?? '-',
            row.agent_url ?? '-',
            row.decision,
            row.reason,
            row.canonical_run_id ?? '-',
          ]),
        );
  return [
    table,
    ...(agents !== null && agents.length > 1 ? [`${String(agents.length)} agents match`] : []),
    ...notes.map((note) => `note: ${note}`),
    ...(next === null ? [] : [`next page: --after ${next}`]),
    ...only(rows),
  ];
}

function only(rows: readonly FoundRow[]): string[] {
  const [row, ...others] = rows;
  const id = row?.legacy_id ?? row?.canonical_run_id ?? undefined;
  return id === undefined || others.length > 0 ? [] : [`next: history-cdc explain ${id}`];
}

function shortId(text: string): string {
  if (SHORT_ID.test(text)) return text;
  throw new InvalidArgumentError('It must be the beginning of a UUID: 4 to 32 hexadecimal digits.');
}

function cursor(text: string): Place {
  const place = placeOf(text);
  if (place !== undefined) return place;
  throw new InvalidArgumentError('It must be the cursor that a page of this search ended with.');
}
