import type { Command } from 'commander';
import type { Change } from '../operations/redecide/judge.ts';
import { redecide, type RedecideResult } from '../operations/redecide/redecide.ts';
import { countUnhealed, type Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { measuredContext } from './pipeline-context.ts';
import { withProgress } from './progress.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import { renderTable } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

export function registerRedecide(command: Command, context: CommandContext): void {
  command
    .option(
      '--apply',
      'decide anew what has no canonical row and was decided inside the grace window (OWNERSHIP_GRACE_HOURS)',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Looks every row of the ledger up again, and judges it by the projector's own rule. A row that stands is an owner's:
its decision is never taken back, it is only listed. Rows that were deleted from the legacy table are left out.

Ends with 1 where rows without a canonical row would be decided otherwise and are not: a person decides about them.
The way to apply those that were decided before the grace window: a longer window for one run.

Examples:
  history-cdc redecide
  history-cdc redecide --apply --json
  OWNERSHIP_GRACE_HOURS=720 history-cdc redecide --apply`,
    )
    .action(async ({ apply = false, json }: { readonly apply?: boolean; readonly json?: true }) => {
      const result = await run(context, apply);
      const left = leftOf(result);
      context.answer('redecide', {
        json,
        facts: factsOf(result, left.length),
        text: () => render(result, left, apply),
      });
      if (left.length > 0) throw new AnswerNo();
    });
}

type Answer = RedecideResult & { readonly quarantine: Unhealed };

async function run(context: CommandContext, apply: boolean): Promise<Answer> {
  return await withDatabases(context, 'redecide', async (databases) => {
    const measured = await measuredContext(databases);
    const result = await withProgress(context, 'looked up', (progress) =>
      redecide({ ...measured, apply, progress }),
    );
    return { ...result, quarantine: await countUnhealed(databases.canonical) };
  });
}

/** What would be decided otherwise, and is not. */
function leftOf({ changes, applied }: RedecideResult): Change[] {
  return changes.filter(({ standing, legacyId }) => standing !== 'stands' && !applied.has(legacyId));
}

function factsOf({ lookedUp, changes, applied, written, quarantine }: Answer, left: number) {
  return {
    lookedUp,
    rows: changes.map((change) => ({ ...change, applied: applied.get(change.legacyId) ?? null })),
    applied: applied.size,
    left,
    changes: written,
    quarantine,
  };
}

const STANDING = {
  open: 'inside the grace window',
  too_late: 'too late: decided before the grace window',
  stands: "stands: an owner's decision is not taken back",
} as const satisfies Record<Change['standing'], string>;

function render(
  { lookedUp, changes, applied, quarantine }: Answer,
  left: readonly Change[],
  apply: boolean,
): string {
  const count = (standing: Change['standing']) => changes.filter((one) => one.standing === standing).length;
  const table = renderTable(
    ['what', 'legacy rows'],
    [
      ['looked up again', lookedUp],
      ['would be decided otherwise, inside the grace window', count('open')],
      ['would be decided otherwise, too late to apply', count('too_late')],
      ["an owner's, and would not be today: stands", count('stands')],
      ['decided anew', applied.size],
    ],
  );
  const rows = changes.map(({ legacyId, from, to, why, standing }) => {
    const now = applied.get(legacyId);
    const end = now === undefined ? STANDING[standing] : `decided anew: ${now}`;
    return `${legacyId}  ${from} -> ${to}  (${why.join(', ')})  ${end}`;
  });
  const parked = `in quarantine: ${renderUnhealed(quarantine)}`;
  return [table, parked, ...rows, ...(left.length > 0 ? [wayOut(left, apply)] : [])].join('\n');
}

function wayOut(left: readonly Change[], apply: boolean): string {
  if (!apply && left.some(({ standing }) => standing === 'open'))
    return 'nothing was changed: `history-cdc redecide --apply` decides anew what is inside the grace window';
  if (left.some(({ standing }) => standing === 'too_late'))
    return 'a longer window for one run applies the others: OWNERSHIP_GRACE_HOURS=<hours> history-cdc redecide --apply';
  return 'rows that were changed or deleted meanwhile were left: run it again';
}
