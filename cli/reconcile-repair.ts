import { repair, type Repaired } from '../operations/repair/repair.ts';
import { assertFresh, type ReconcileReport } from '../operations/reconcile/report.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { checkContextOf, measuredContext } from '../operations/requests/pipeline-context.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import type { Databases } from './with-databases.ts';

/** Repairs what the last run found wrong with our canonical rows. Without `apply`, it only says what it would do. */
export async function repairLast(
  context: CommandContext,
  databases: Databases,
  { report, apply, json }: { report: ReconcileReport; apply: boolean; json: boolean | undefined },
): Promise<void> {
  assertFresh(report);
  const repairing = {
    ...(await measuredContext(databases, { writes: apply })),
    ...checkContextOf(databases),
  };
  const result = await repair(repairing, report.run.id, apply);
  context.answer('reconcile --repair', {
    json,
    facts: { ...result, applied: apply, left: Object.fromEntries(result.left) },
    text: () => render(result, apply),
  });
  if (result.left.size > 0) throw new AnswerNo();
}

function render({ repaired, left, changes }: Repaired, apply: boolean): Screen {
  const would = apply ? '' : ' that would be';
  return [
    tableOf(
      ['what', 'rows'],
      [
        [`missing canonical rows${would} written again`, changes.runsInserted],
        [`canonical rows${would} set to the values of the legacy row`, changes.runsUpdated],
        ['not repaired', left.size],
      ],
    ),
    ...repaired.map((legacyId) => `${apply ? 'repaired' : 'would be repaired'} ${legacyId}`),
    ...[...left].map(([legacyId, why]) => `not repaired ${legacyId}: ${why}`),
    apply
      ? 'run `history-cdc reconcile --fresh` to check the result'
      : 'nothing was changed; to do it, run: history-cdc reconcile --repair --apply',
  ];
}
