import type { Config } from '../../lib/config.ts';
import { backlogIn } from '../facts/backlog.ts';
import { judge as judgeChecks, type CheckResult } from '../doctor/doctor.ts';
import { STEPS } from '../checks/verdict.ts';
import { spanText } from '../facts/wal.ts';
import type { StatusFacts } from './facts.ts';
import { notTold, type Problem } from './problem.ts';
import { sweeperProblems } from './sweeper-problems.ts';
import { ledgerSums } from './sums.ts';
import { sectionOf, WATCHED } from './watched.ts';

/** Pure. Those of `doctor` first, in the order of `WATCHED`: most of what follows is a consequence of them. */
export function problemsOf(facts: StatusFacts, config: Config): Problem[] {
  const { checks } = judgeChecks(facts.areas, config, WATCHED);
  const projector = projectorProblems(facts);
  // That none runs says more than that none moves.
  const ofDoctor = checks
    .flatMap(ofCheck)
    .filter(({ id }) => id !== 'projector-moves' || projector.length === 0);
  const stands = projector.length > 0 || ofDoctor.some(({ id }) => id === 'projector-moves');
  return [
    ...ofDoctor,
    ...projector,
    ...lateProblems(facts, stands),
    ...verdictProblems(facts),
    ...quarantineProblems(facts),
    ...snapshotProblems(facts),
    ...ledgerProblems(facts),
    ...sweeperProblems(facts, config),
  ];
}

function ofCheck({ id, verdict, severity, title, evidence, fix, step }: CheckResult): Problem[] {
  const problem = { id, section: sectionOf(id), evidence };
  switch (verdict) {
    case 'ok':
      return [];
    case 'failed':
      return [{ ...problem, severity: 'wrong', fix: fix ?? '' }];
    case 'warning':
      return [{ ...problem, severity: 'attention', fix: fix ?? '' }];
    case 'not_yet':
      return [{ ...problem, severity: 'not_yet', fix: step === null ? '' : STEPS[step] }];
    case 'unknown': {
      if (severity === 'warning') return [];
      const unknown = `cannot tell whether ${title}: ${evidence}`;
      return [{ ...problem, severity: 'unknown', evidence: unknown, fix: `history-cdc doctor --only ${id}` }];
    }
  }
}

function projectorProblems({ areas, projectors }: StatusFacts): Problem[] {
  const backlog = backlogIn(areas);
  if (backlog === undefined || !projectors.known || projectors.value > 0) return [];
  const problem = { id: 'projector-runs', section: 'projector', fix: STEPS.project } as const;
  return backlog.records > 0n
    ? [
        {
          ...problem,
          severity: 'wrong',
          evidence: `no projector runs, and ${backlog.records.toLocaleString('en')} records wait`,
        },
      ]
    : [{ ...problem, severity: 'attention', evidence: 'no projector runs: what comes next will wait' }];
}

/** Beyond that, a projector that works is catching up with something. */
const LATE_SECONDS = 60;

function lateProblems({ areas, oldestSeconds }: StatusFacts, stands: boolean): Problem[] {
  const backlog = backlogIn(areas);
  if (backlog === undefined || !oldestSeconds.known || oldestSeconds.value < LATE_SECONDS) return [];
  const wait = `${backlog.records.toLocaleString('en')} records wait, the oldest for ${spanText(oldestSeconds.value)}`;
  const problem = { id: 'lag-late', section: 'lag' } as const;
  if (stands) return [{ ...problem, severity: 'wrong', evidence: wait, fix: STEPS.project }];
  return [
    {
      ...problem,
      severity: 'attention',
      evidence: `${wait}: it is catching up`,
      fix: 'history-cdc status --watch  # shows the pace, and when it is done',
    },
  ];
}

function quarantineProblems({ quarantine }: StatusFacts): Problem[] {
  if (!quarantine.known) return [notTold('quarantine', quarantine.why)];
  const open = quarantine.value?.open ?? 0;
  if (open === 0) return [];
  const evidence = `${open.toLocaleString('en')} records wait for a person`;
  return [
    {
      ...{ id: 'quarantine-open', section: 'quarantine', severity: 'wrong', evidence },
      fix: 'history-cdc quarantine list',
    },
  ];
}

function verdictProblems(facts: StatusFacts): Problem[] {
  const { verdicts } = facts;
  if (!verdicts.known) return [notTold('verdict', verdicts.why)];
  const last = verdicts.value?.last;
  const problem = { id: 'verdict', section: 'verdict', fix: 'history-cdc reconcile' } as const;
  if (last?.verdict === 'wrong') {
    const rows = last.kinds
      .filter(({ severity, confirmed }) => severity === 'wrong' && confirmed > 0)
      .map(({ kind, confirmed }) => `${kind} ${confirmed.toLocaleString('en')}`);
    const evidence = `the last reconcile found what is wrong: ${rows.join(', ')}`;
    return [{ ...problem, severity: 'wrong', evidence, fix: 'history-cdc reconcile --last' }];
  }
  if (last?.verdict === 'not_proven') {
    const rows = last.kinds.filter(({ severity }) => severity === 'wrong');
    const kinds = rows.map((of) => `${of.kind} ${(of.confirmed + of.in_flight).toLocaleString('en')}`);
    const why = [...kinds, ...(last.run.waited_for === null ? [] : [last.run.waited_for])];
    const evidence = `the last reconcile did not prove everything: ${why.join(', ') || 'it did not compare all rows'}`;
    return [{ ...problem, severity: 'attention', evidence }];
  }
  if (last !== undefined && last.stale !== null)
    return [{ ...problem, severity: 'attention', evidence: `the last verdict is stale: ${last.stale}` }];
  const { rowsSeen } = ledgerSums(facts);
  return last === undefined && rowsSeen !== null && rowsSeen > 0
    ? [{ ...problem, severity: 'attention', evidence: 'nobody has compared the tables yet' }]
    : [];
}

const SNAPSHOT_WRONG = ['stalled', 'unanswered', 'lost', 'failed'];

/** Of incremental ones; the initial one has a check of `doctor`. */
function snapshotProblems({ snapshot: { answer } }: StatusFacts): Problem[] {
  if (!answer.known) return [notTold('snapshot', answer.why)];
  if (answer.value === undefined) return [];
  const { verdict, reasons, next } = answer.value;
  const wrong = SNAPSHOT_WRONG.includes(verdict);
  if (!wrong && verdict !== 'paused' && verdict !== 'stopped') return [];
  return [
    {
      id: `snapshot-${verdict}`,
      section: 'snapshot',
      severity: wrong ? 'wrong' : 'attention',
      evidence: [`the snapshot is ${verdict}`, ...reasons].join(': '),
      fix: next ?? 'history-cdc snapshot status',
    },
  ];
}

const STRAGGLERS_BY_TIME = `SELECT legacy_id, agent_url, started_at FROM history_cdc.ledger WHERE reason = 'straggler' ORDER BY started_at DESC LIMIT 20;`;

/** Each is one write of the live path that did not happen: nothing else shows that the cutover goes wrong. */
function stragglerProblems(stragglers: number): Problem[] {
  if (stragglers === 0) return [];
  return [
    {
      ...{ id: 'stragglers', section: 'decisions', severity: 'attention' },
      evidence: `${stragglers.toLocaleString('en')} owners' runs were not recorded by the live path while it was up: they are projected`,
      fix: STRAGGLERS_BY_TIME,
    },
  ];
}

/** While rows come, some are counted in the legacy table and not yet in the ledger. */
const QUIET_SECONDS = 30;

/** By counts, which prove nothing. */
function ledgerProblems(facts: StatusFacts): Problem[] {
  if (!facts.ledger.answer.known) return [notTold('decisions', facts.ledger.answer.why)];
  const { unseen, stragglers } = ledgerSums(facts);
  const late = stragglerProblems(stragglers ?? 0);
  const backlog = backlogIn(facts.areas);
  if (unseen === null || unseen === 0 || backlog === undefined) return late;
  if (backlog.records > 0n || backlog.secondsSinceCommit < QUIET_SECONDS) return late;
  const many = Math.abs(unseen).toLocaleString('en');
  const compared =
    unseen > 0
      ? `the legacy table has ${many} rows more than the ledger`
      : `the ledger has ${many} rows more`;
  return [
    ...late,
    {
      ...{ id: 'rows-counted', section: 'decisions', severity: 'attention' },
      evidence: `${compared}, and nothing waits to be projected`,
      fix: 'history-cdc reconcile',
    },
  ];
}
