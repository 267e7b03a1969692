import { pastRuns, type PastRun } from '../operations/reconcile/history.ts';
import { countText } from '../lib/figures.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import type { CommandContext } from './context.ts';
import type { Databases } from './with-databases.ts';

interface HistoryOptions {
  readonly limit: number;
  readonly json: true | undefined;
}

/** Lists the verdicts that are stored, and the passes of the verification beside them. It compares nothing. */
export async function listHistory(
  context: CommandContext,
  { canonical }: Databases,
  { limit, json }: HistoryOptions,
): Promise<void> {
  const runs = await pastRuns(canonical, limit);
  context.answer('reconcile --history', {
    json,
    facts: { runs: runs.map((run) => ({ ...run })) },
    text: () => render(runs),
  });
}

const HEADS = [
  'finished',
  'scope',
  'id',
  'release',
  'rules',
  'legacy',
  'ledger',
  'canonical',
  'verdict',
  'wrong',
];

function render(runs: readonly PastRun[]): Screen {
  if (runs.length === 0) return 'there is no verdict yet: `history-cdc reconcile`';
  return [tableOf([...HEADS, 'excepted'], runs.map(cellsOf))];
}

function cellsOf(run: PastRun): (string | number)[] {
  const { scope, since, finishedAt, id, release, ruleVersion, verdict, wrong } = run;
  return [
    `${finishedAt.toISOString().slice(0, 19)}Z`,
    since === null ? scope : `since ${since.toISOString().slice(0, 19)}Z`,
    id,
    release ?? '-',
    ruleVersion,
    ...[run.legacyRows, run.ledgerRows, run.canonicalRows].map((rows) => countText(rows)),
    verdict?.replace('_', ' ') ?? '-',
    wrong === null ? '-' : countText(wrong),
    Object.entries(run.excepted)
      .map(([reason, rows]) => `${reason} ${countText(rows)}`)
      .join(', '),
  ];
}
