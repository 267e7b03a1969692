import type { Command } from 'commander';
import type { Change } from '../operations/redecide/judge.ts';
import { redecide, type RedecideResult } from '../operations/redecide/redecide.ts';
import { countUnhealed, type Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { measuredContext } from '../operations/requests/pipeline-context.ts';
import { withProgress } from './progress.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

export function registerRedecide(command: Command, context: CommandContext): void {
  command
    .option(
      '--apply',
      'decide again the rows that have no canonical row and were decided inside the grace window (OWNERSHIP_GRACE_HOURS)',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Looks up every row of the ledger again, and applies the projector's own rule to it. An owner's run "stands": it is listed,
but its decision is never taken back. Rows that were deleted from the legacy table are left out.

Ends with 1 if rows without a canonical row would be decided differently and were left. A person decides about them. To
apply rows that were decided before the grace window, run it once with a longer window.

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
    const measured = await measuredContext(databases, { writes: apply });
    const result = await withProgress(context, 'looked up', (progress) =>
      redecide({ ...measured, apply, progress }),
    );
    return { ...result, quarantine: await countUnhealed(databases.canonical) };
  });
}

/** The rows that would be decided differently today, and that this run leaves as they are. */
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
): Screen {
  const count = (standing: Change['standing']) => changes.filter((one) => one.standing === standing).length;
  const table = tableOf(
    ['what', 'legacy rows'],
    [
      ['looked up again', lookedUp],
      ['would be decided differently, inside the grace window', count('open')],
      ['would be decided differently, too late to apply', count('too_late')],
      ["an owner's run that would not be one today: stands", count('stands')],
      ['decided anew', applied.size],
    ],
  );
  const rows = changes.map(({ legacyId, from, to, why, standing }) => {
    const now = applied.get(legacyId);
    const end = now === undefined ? STANDING[standing] : `decided anew: ${now}`;
    return `${legacyId}  ${from} -> ${to}  (${why.join(', ')})  ${end}`;
  });
  const parked = `in quarantine: ${renderUnhealed(quarantine)}`;
  return [table, parked, ...rows, ...(left.length > 0 ? [wayOut(left, apply)] : [])];
}

function wayOut(left: readonly Change[], apply: boolean): string {
  if (!apply && left.some(({ standing }) => standing === 'open'))
    return 'nothing was changed; `history-cdc redecide --apply` decides the rows inside the grace window again';
  if (left.some(({ standing }) => standing === 'too_late'))
    return 'to apply the others, run it once with a longer window: OWNERSHIP_GRACE_HOURS=<hours> history-cdc redecide --apply';
  return 'rows that were changed or deleted in the meantime were left as they are; run it again';
}
