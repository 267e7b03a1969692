import type { Command } from 'commander';
import { recordActionAlone } from '../consumers/agent-test-history/batch/actions.ts';
import { countUnhealed, type Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { onRecord } from '../consumers/agent-test-history/sweep/last-sweep.ts';
import { sweep, type SweepResult } from '../consumers/agent-test-history/sweep/sweep.ts';
import { createLogger } from '../lib/log.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { measuredContext } from '../operations/requests/pipeline-context.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

export function registerSweep(command: Command, context: CommandContext): void {
  command
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nEnds with 1 if something waits for a person: a live row that cannot replace our row because another table refers to\nour row, or a membership that came after the grace window.\n\nExample:\n  history-cdc sweep --json',
    )
    .action(async ({ json }: { readonly json?: true }) => {
      const result = await sweepOnce(context);
      context.answer('sweep', { json, facts: factsOf(result), text: () => render(result) });
      if (result.blocked.size > 0 || result.lateOwners.reported.length > 0) throw new AnswerNo();
    });
}

type Answer = SweepResult & { readonly quarantine: Unhealed };

async function sweepOnce(context: CommandContext): Promise<Answer> {
  return await withDatabases(context, 'sweep', async (databases) => {
    const { canonical, config } = databases;
    await recordActionAlone(canonical, { command: 'sweep' });
    const record = {
      canonical,
      by: 'sweep',
      logger: createLogger(config.LOG_LEVEL, context.surroundings.log),
    } as const;
    const result = await onRecord(record, async () => {
      const parkedRetentionDays = config.PARKED_RETENTION_DAYS;
      return await sweep({ ...(await measuredContext(databases, { writes: true })), parkedRetentionDays });
    });
    return { ...result, quarantine: await countUnhealed(canonical) };
  });
}

function factsOf({ blocked, lateOwners, ...result }: Answer) {
  return {
    ...result,
    blocked: Object.fromEntries(blocked),
    lateOwners: Object.fromEntries(lateOwners.flipped),
    lateOwnersReported: lateOwners.reported,
  };
}

/** Counts, and the ids of rows that wait for a person. */
function render({ absorbed, relinked, blocked, lateOwners, settled, erased, quarantine }: Answer): Screen {
  const table = tableOf(
    ['what', 'legacy rows'],
    [
      ['canonical rows of ours that were replaced by live rows', absorbed.length],
      ['links that changed in another way', relinked.length],
      ['runs that were decided again, because their user is an owner now', lateOwners.flipped.size],
      ['twins settled', settled],
      ['old settled rows whose content was removed', erased],
      ['blocked, because another table refers to our row', blocked.size],
      ['memberships that came after the grace window', lateOwners.reported.length],
    ],
  );
  return [
    table,
    `in quarantine: ${renderUnhealed(quarantine)}`,
    ...[...blocked].map(([legacyId, name]) => `blocked ${legacyId}: ${name} refers to our canonical row`),
    ...lateOwners.reported.map((legacyId) => `too late ${legacyId}: its user owns the agent now`),
  ];
}
