import { DECISIONS } from '../consumers/agent-test-history/rule/outcome.ts';
import { RECORD_OUTCOMES } from '../consumers/agent-test-history/batch/result.ts';
import type { Changes } from '../consumers/agent-test-history/rule/changes.ts';
import type { RunResult } from '../consumers/agent-test-history/stream/run.ts';
import { countText } from '../lib/figures.ts';
import { isoTime } from './row-json.ts';
import { renderSweeps } from './sweep-report.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';

export function runFacts(
  { leftOut, changes, liveWindow: { first, last }, ...result }: RunResult,
  dryRun: boolean,
) {
  return {
    ...result,
    valuesLeftOut: leftOut,
    changes: { ...changes, total: totalChanges(changes) },
    liveWindow: { first: first && isoTime(first), last: last && isoTime(last) },
    dryRun,
  };
}

export function renderRun(
  { read, records, decisions, changes, liveWindow, sweeps, unseen, quarantine }: RunResult,
  dryRun: boolean,
): string {
  const would = dryRun ? 'would be ' : '';
  const counts = (entries: readonly (readonly [string, number])[]) =>
    entries.map(([name, count]) => `${name} ${countText(count)}`).join(', ');
  const decided = DECISIONS.flatMap((decision) => {
    const count = decisions[decision] ?? 0;
    return count === 0 ? [] : [[decision, count] as const];
  });
  return [
    `records read      ${countText(read)}: ${counts(RECORD_OUTCOMES.map((outcome) => [outcome, records[outcome]]))}`,
    `decisions         ${decided.length === 0 ? 'none' : counts(decided)}`,
    `canonical rows    ${would}inserted ${countText(changes.runsInserted)}, ${would}updated ${countText(changes.runsUpdated)}, ${would}replaced by live rows ${countText(changes.runsDeleted)}`,
    `ledger rows       ${would}written ${countText(changes.ledgerWritten)}`,
    `live rows         ${liveWindow.first === null ? 'none so far' : `from ${liveWindow.first} to ${liveWindow.last ?? ''}`}`,
    ...(sweeps.sweeps === 0 ? [] : [`sweeps            ${renderSweeps(sweeps)}`]),
    `in quarantine     ${quarantine === null ? 'not known, because Postgres did not answer' : renderUnhealed(quarantine)}`,
    ...unseen.map((line) => `not seen          ${line}: nobody can tell whether rows are missing`),
    `changes in all    ${countText(totalChanges(changes))}${dryRun ? ' (dry run: everything was rolled back)' : ''}`,
  ].join('\n');
}

function totalChanges({ runsInserted, runsUpdated, runsDeleted, ledgerWritten }: Changes): number {
  return runsInserted + runsUpdated + runsDeleted + ledgerWritten;
}
