import type { Command } from 'commander';
import { largestMessageBytes } from '../connectors/deploy/message-limit.ts';
import { takeCensus, type Figures } from '../operations/census/census.ts';
import { compareCensus, type Comparison } from '../operations/census/compare.ts';
import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import {
  assertBothWhole,
  CANONICAL_TABLES,
  LEGACY_TABLES,
  assertFit,
} from '../consumers/agent-test-history/schema/requirements.ts';
import { countUnhealed, type Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import type { ConfigWith } from '../lib/config.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import { censusFacts, renderCensus, type Took } from './census-report.ts';
import { comparisonFacts, renderComparison } from './census-comparison.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { createProgress } from './progress.ts';

const HELP = `
The prediction comes from the projector's own rule, as if no row had been decided yet. Nothing is written but temporary
tables of the command's own session, and no statement holds anything up.

Decisions:
  projected    an owner's run that nobody recorded: it gets a canonical row
  twin         an owner's run that the live path recorded, too: linked to that row
  adopted      the earlier script had copied it: linked to its copy
  third_party  the user does not own the agent            anonymous  no user
  opted_out    the owner wants no monitoring              orphaned   its context is gone
  gone         deleted before it was seen: none is expected of rows that are there
  quarantined  it cannot be mapped, or a constraint of agent_compliance_runs would refuse it

What triggers and indexes of agent_compliance_runs may refuse is not predicted.
With --compare the exit code is 1 where a difference is left that nothing explains.

Examples:
  history-cdc census
  history-cdc census --json > census.json
  history-cdc census --compare`;

interface Options {
  readonly json?: true;
  readonly compare?: true;
}

export function registerCensus(command: Command, context: CommandContext): void {
  command
    .option('--json', 'print the result as JSON, with the ids of every row that is odd')
    .option('--compare', 'after the run: hold the prediction against the ledger, and explain each difference')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      await runCensus(context, options);
    });
}

interface Opened {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  readonly canonical: Pool;
  readonly legacy: Pool;
}

async function runCensus(context: CommandContext, { json, compare }: Options): Promise<void> {
  await withUnmigrated(context, async (opened) => {
    if (compare === true) await assertMigrated(opened.canonical);
    const { figures, compared, took } = await timed(context, opened, compare === true);
    const facts = {
      ...censusFacts(figures, took),
      ...(compared && { comparison: comparisonFacts(compared) }),
    };
    const table = [renderCensus(figures, took), ...(compared ? ['', renderComparison(compared)] : [])].join(
      '\n',
    );
    context.print(json === true ? JSON.stringify(facts, null, 2) : table);
    if (compared !== undefined && compared.unexplained > 0) throw new AnswerNo();
  });
}

interface Answer {
  readonly figures: Figures;
  readonly compared?: Comparison & { readonly quarantine: Unhealed };
  readonly took: Took;
}

async function timed(
  context: CommandContext,
  { config, canonical, legacy }: Opened,
  compare: boolean,
): Promise<Answer> {
  const progress = createProgress('census', context.surroundings);
  const start = performance.now();
  const work = {
    canonical,
    legacy,
    optOutPolicy: config.OPT_OUT_POLICY,
    windowUs: matchingOf(config).windowUs,
    retentionDays: config.CANONICAL_RETENTION_DAYS,
    messageBytes: largestMessageBytes(),
    progress: (done: number, total: number) => {
      progress.update(done, total);
    },
  };
  const { figures, comparison } = compare
    ? await compareCensus(work)
    : { figures: await takeCensus(work), comparison: undefined };
  progress.end();
  const took = { seconds: (performance.now() - start) / 1000 };
  if (comparison === undefined) return { figures, took };
  return { figures, compared: { ...comparison, quarantine: await countUnhealed(canonical) }, took };
}

/** As `withDatabases`, for a command that runs before `migrate`. */
async function withUnmigrated(
  context: CommandContext,
  work: (opened: Opened) => Promise<void>,
): Promise<void> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  const pool = (url: string) => createPool({ url, name: 'history-cdc census', connections: 2 });
  const [canonical, legacy] = [pool(config.DATABASE_URL), pool(config.LEGACY_DATABASE_URL)];
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertBothWhole(canonical, legacy);
    await assertFit(canonical, CANONICAL_TABLES, 'DATABASE_URL');
    await assertFit(legacy, LEGACY_TABLES, 'LEGACY_DATABASE_URL');
    await work({ config, canonical, legacy });
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
}
