import type { Comparison } from '../operations/census/compare.ts';
import { EXPLANATIONS, UNEXPLAINED, type Difference } from '../operations/census/difference.ts';
import type { Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import type { AnswerFacts } from './answers.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import type { Part } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

const MEANINGS: Readonly<Record<Difference, string>> = { ...EXPLANATIONS, ...UNEXPLAINED };

type Compared = Comparison & { readonly quarantine: Unhealed };

export function comparisonFacts({ differences, ...compared }: Compared): AnswerFacts<'census'>['comparison'] {
  const explained = Object.entries(differences).map(([name, list]) => [
    name,
    { ...list, explained: !(name in UNEXPLAINED), meaning: MEANINGS[name as Difference] },
  ]);
  return {
    ...compared,
    differences: Object.fromEntries(explained) as NonNullable<
      AnswerFacts<'census'>['comparison']
    >['differences'],
  };
}

/**
 * The prediction beside the ledger. Every unexplained legacy id is named, and one example of each explained difference.
 */
export function renderComparison(compared: Compared): readonly Part[] {
  const { decisions, changes, differences, unexplained, quarantine } = compared;
  // Without this, every row of the table would be listed as never seen.
  if (Object.values(decisions).every(({ ledger }) => ledger === 0))
    return [
      'the ledger has no decision yet, so there is nothing to compare with; run `history-cdc project` first',
    ];
  const lists = Object.entries(differences) as [Difference, { count: number; ids: readonly string[] }][];
  return [
    tableOf(
      ['decision', 'predicted', 'in the ledger'],
      Object.entries(decisions).map(([decision, { predicted, ledger }]) => [decision, predicted, ledger]),
    ),
    `in quarantine now: ${renderUnhealed(quarantine)}`,
    ...(lists.length === 0
      ? ['', 'the ledger decided as predicted, row by row']
      : [
          '',
          tableOf(['predicted -> decided', 'legacy rows'], Object.entries(changes)),
          '',
          tableOf(
            ['difference', 'legacy rows', 'why', 'which'],
            lists.map(([name, { count, ids }]) => [name, count, MEANINGS[name], ids[0] ?? '']),
          ),
        ]),
    ...lists
      .filter(([name]) => name in UNEXPLAINED)
      .flatMap(([name, { ids }]) => ids.map((id) => `${name} ${id}`)),
    ...(unexplained > 0 ? [`${String(unexplained)} rows differ without a known reason`] : []),
  ];
}
