import type { Command } from 'commander';
import { largestMessageBytes } from '../connectors/deploy/message-limit.ts';
import { takeCensus } from '../consumers/agent-test-history/census/census.ts';
import type { Figures } from '../consumers/agent-test-history/census/tally.ts';
import { CANONICAL_TABLES, LEGACY_TABLES, assertFit } from '../consumers/agent-test-history/requirements.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import type { ConfigWith } from '../consumers/lib/config.ts';
import { assertReachable, createPool, type Pool } from '../consumers/lib/postgres.ts';
import { censusFacts, renderCensus, type Took } from './census-report.ts';
import type { CommandContext } from './context.ts';
import { createProgress } from './progress.ts';

interface Options {
  readonly json?: true;
}

export function registerCensus(program: Command, context: CommandContext): void {
  program
    .command('census')
    .description(
      'predict the count of every decision from the legacy table; reads only, and needs no `migrate`',
    )
    .option('--json', 'print the result as JSON, with the ids of every row that is odd')
    .addHelpText(
      'after',
      '\nNothing is written but temporary tables of its own session, and no statement holds anything up. The prediction comes\nfrom the projector’s own rule, as if no row had been decided yet.\n\nExample:\n  history-cdc census --json > census.json',
    )
    .action(async (options: Options) => {
      await runCensus(context, options);
    });
}

interface Opened {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  readonly canonical: Pool;
  readonly legacy: Pool;
}

async function runCensus(context: CommandContext, { json }: Options): Promise<void> {
  await withUnmigrated(context, async (opened) => {
    const { figures, took } = await timed(opened);
    context.print(
      json === true ? JSON.stringify(censusFacts(figures, took), null, 2) : renderCensus(figures, took),
    );
  });
}

async function timed({ config, canonical, legacy }: Opened): Promise<{ figures: Figures; took: Took }> {
  const progress = createProgress('census');
  const start = performance.now();
  const figures = await takeCensus({
    canonical,
    legacy,
    optOutPolicy: config.OPT_OUT_POLICY,
    windowUs: matchingOf(config).windowUs,
    retentionDays: config.CANONICAL_RETENTION_DAYS,
    messageBytes: largestMessageBytes(),
    progress: (done, total) => {
      progress.update(done, total);
    },
  });
  progress.end();
  return { figures, took: { seconds: (performance.now() - start) / 1000 } };
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
    await assertFit(canonical, CANONICAL_TABLES, 'DATABASE_URL');
    await assertFit(legacy, LEGACY_TABLES, 'LEGACY_DATABASE_URL');
    await work({ config, canonical, legacy });
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
}
