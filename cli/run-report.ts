import { DECISIONS } from '../consumers/agent-test-history/rule/outcome.ts';
import { RECORD_OUTCOMES } from '../consumers/agent-test-history/batch/result.ts';
import type { Changes } from '../consumers/agent-test-history/rule/changes.ts';
import type { RunResult } from '../consumers/agent-test-history/stream/run.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import { renderSweeps, sweepFacts } from './sweep-report.ts';

/** The answer of `project` and `replay`, as facts. */
export function runFacts(
  { read, records, decisions, leftOut, changes, stopped, liveWindow, sweeps, quarantine }: RunResult,
  dryRun: boolean,
) {
  return {
    read,
    records,
    decisions,
    values_left_out: leftOut,
    changes: { ...changes, total: totalChanges(changes) },
    live_window: liveWindow,
    sweeps: sweepFacts(sweeps),
    quarantine,
    dry_run: dryRun,
    stopped,
  };
}

/** The same, for people. */
export function renderRun(
  { read, records, decisions, changes, liveWindow, sweeps, quarantine }: RunResult,
  dryRun: boolean,
): string {
  const would = dryRun ? 'would be ' : '';
  const counts = (entries: readonly (readonly [string, number])[]) =>
    entries.map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ');
  const decided = DECISIONS.flatMap((decision) => {
    const count = decisions[decision] ?? 0;
    return count === 0 ? [] : [[decision, count] as const];
  });
  return [
    `records read      ${read.toLocaleString('en')}: ${counts(RECORD_OUTCOMES.map((outcome) => [outcome, records[outcome]]))}`,
    `decisions         ${decided.length === 0 ? 'none' : counts(decided)}`,
    `canonical rows    ${would}inserted ${changes.runsInserted.toLocaleString('en')}, ${would}updated ${changes.runsUpdated.toLocaleString('en')}, ${would}replaced by live rows ${changes.runsDeleted.toLocaleString('en')}`,
    `ledger rows       ${would}written ${changes.ledgerWritten.toLocaleString('en')}`,
    `live rows         ${liveWindow.first === null ? 'none so far' : `from ${liveWindow.first} to ${liveWindow.last ?? ''}`}`,
    ...(sweeps.sweeps === 0 ? [] : [`sweeps            ${renderSweeps(sweeps)}`]),
    `in quarantine     ${quarantine === null ? 'not known: Postgres did not answer' : renderUnhealed(quarantine)}`,
    `changes in all    ${totalChanges(changes).toLocaleString('en')}${dryRun ? ' (dry run: everything was rolled back)' : ''}`,
  ].join('\n');
}

function totalChanges({ runsInserted, runsUpdated, runsDeleted, ledgerWritten }: Changes): number {
  return runsInserted + runsUpdated + runsDeleted + ledgerWritten;
}
