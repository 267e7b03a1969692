import type { Command } from 'commander';
import { largestMessageBytes } from '../connectors/deploy/message-limit.ts';
import { takeCensus } from '../operations/census/census.ts';
import { compareCensus } from '../operations/census/compare.ts';
import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import { countUnhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import { comparisonFacts, renderComparison } from './census-comparison.ts';
import { censusFacts, renderCensus } from './census-report.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { withProgress } from './progress.ts';
import { withUnmigrated, type Databases } from './with-databases.ts';

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
    .option('--json', 'print the result as JSON, with the ids of all rows that are named in it')
    .option('--compare', 'compare the prediction with the ledger, and explain each difference')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      await runCensus(context, options);
    });
}

async function runCensus(context: CommandContext, { json, compare }: Options): Promise<void> {
  await withUnmigrated(context, 'census', async (databases) => {
    if (compare === true) await assertMigrated(databases.canonical);
    const { figures, compared, seconds } = await timed(context, databases, compare === true);
    context.answer('census', {
      json,
      facts: {
        ...censusFacts(figures, seconds),
        ...(compared && { comparison: comparisonFacts(compared) }),
      },
      text: () => [
        ...renderCensus(figures, seconds),
        ...(compared ? ['', ...renderComparison(compared)] : []),
      ],
    });
    if (compared !== undefined && compared.unexplained > 0) throw new AnswerNo();
  });
}

async function timed(context: CommandContext, { config, canonical, legacy }: Databases, compare: boolean) {
  const start = performance.now();
  return await withProgress(context, 'census', async (progress) => {
    const work = {
      canonical,
      legacy,
      optOutPolicy: config.OPT_OUT_POLICY,
      windowUs: matchingOf(config).windowUs,
      retentionDays: config.CANONICAL_RETENTION_DAYS,
      messageBytes: largestMessageBytes(),
      progress,
    };
    const { figures, comparison } = compare
      ? await compareCensus(work)
      : { figures: await takeCensus(work), comparison: undefined };
    const seconds = (performance.now() - start) / 1000;
    const compared = comparison && { ...comparison, quarantine: await countUnhealed(canonical) };
    return { figures, compared, seconds };
  });
}
