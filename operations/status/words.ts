/** The words of `status`, for its screen and for the console. */
import { bytesText, countText, spanText } from '../../lib/figures.ts';
import { renderUnhealed } from '../../consumers/agent-test-history/stream/quarantine-counts.ts';
import { renderLastSweep } from './sweep-words.ts';
import type { LagPart, LedgerPart, SlotPart, StatusReport } from './report.ts';
import type { Section } from './watched.ts';

/** The one sentence. */
export function headline({ state, problems }: StatusReport): string {
  switch (state) {
    case 'good':
      return 'GOOD: everything runs, nothing is late, nothing waits for a person';
    case 'attention':
      return 'GOOD SO FAR: nothing is lost, and somebody should look';
    case 'not_yet':
      return 'NOT YET: a step of the deployment is to come';
    case 'unknown':
      return 'NOT KNOWN whether it is good';
    case 'wrong': {
      const wrong = problems.filter(({ severity }) => severity === 'wrong').length;
      return wrong === 1 ? 'WRONG' : `WRONG: ${String(wrong)} things, mend this one first`;
    }
  }
}

/** What stands beside a part that is not well. */
export const MARKS = { wrong: 'WRONG', unknown: '?', attention: 'look', not_yet: 'not yet' } as const;

/** A word for the state of a part. */
export function markOf(section: Section, report: StatusReport): string {
  const { problems } = report;
  const first = problems.find((problem) => problem.section === section);
  if (first !== undefined) return MARKS[first.severity];
  return report[PARTS[section]] === null ? '-' : 'ok';
}

const PARTS = {
  services: 'services',
  tables: 'services',
  connector: 'connector',
  slot: 'slot',
  lag: 'lag',
  projector: 'projectors',
  decisions: 'ledger',
  quarantine: 'quarantine',
  sweeper: 'sweeper',
  snapshot: 'snapshot',
  verdict: 'verdicts',
  verified: 'verification',
} as const satisfies Record<Section, keyof StatusReport>;

const NOT_KNOWN = 'not known';
/** The mark beside it tells which. */
const NOTHING = 'nothing there, or not known';

/** What is known of a part, in one line. */
export function textOf(section: Section, report: StatusReport): string {
  switch (section) {
    case 'services':
      return servicesText(report);
    case 'tables':
      return tablesText(report);
    case 'connector':
      return connectorText(report);
    case 'slot':
      return report.slot === null ? NOTHING : slotText(report.slot);
    case 'lag':
      return report.lag === null ? NOTHING : lagText(report.lag);
    case 'projector':
      return projectorText(report);
    case 'decisions':
      return report.ledger === null ? NOTHING : ledgerText(report.ledger, report.at);
    case 'quarantine':
      return report.quarantine === null ? NOTHING : renderUnhealed(report.quarantine);
    case 'sweeper':
      return sweeperText(report);
    case 'snapshot':
      return snapshotText(report);
    case 'verdict':
      return verdictText(report);
    case 'verified':
      return verifiedText(report);
  }
}

function servicesText({ services }: StatusReport): string {
  const names = Object.entries(services);
  const silent = names.filter(([, answers]) => !answers).map(([name]) => name);
  const answering = names.filter(([, answers]) => answers).map(([name]) => name);
  return [
    ...(silent.length > 0 ? [`no answer: ${silent.join(', ')}`] : []),
    ...(answering.length > 0 ? [`${answering.join(', ')} answer`] : []),
  ].join('; ');
}

/** The application's tables have a line of their own only if something is wrong with them. */
function tablesText({ problems }: StatusReport): string {
  return problems.flatMap(({ id, section }) => (section === 'tables' ? id : [])).join(', ');
}

function connectorText({ connector }: StatusReport): string {
  if (connector === null) return NOTHING;
  const { name, state, tasks, heartbeatSeconds } = connector;
  const task = state === 'UNREACHABLE' ? '' : tasks.length === 0 ? ', no task' : `, task ${tasks.join(', ')}`;
  const beat = heartbeatSeconds === null ? 'no heartbeat' : `heartbeat ${spanText(heartbeatSeconds)} ago`;
  return `${name} ${state}${task}; ${beat}`;
}

function slotText(slot: SlotPart): string {
  const { name, active, walStatus, lagBytes, retainedBytes, bytesLeft, runwaySeconds: runway } = slot;
  return [
    `${name} ${active ? 'active' : 'NOT ACTIVE'}, WAL ${walStatus ?? 'unknown'}`,
    ...(lagBytes === null ? [] : [`${bytesText(lagBytes)} behind`]),
    ...(retainedBytes === null ? [] : [`keeps ${bytesText(retainedBytes)}`]),
    ...(bytesLeft === null
      ? []
      : [
          `room for ${bytesText(bytesLeft)}${runway === null ? ' (for how long is not known yet)' : ` (an outage may last ${spanText(runway)})`}`,
        ]),
  ].join(', ');
}

function lagText({ records, seconds, secondsSinceCommit, recordsPerSecond, secondsLeft }: LagPart): string {
  const commit = `last commit ${spanText(secondsSinceCommit)} ago`;
  if (records === 0) return `0 records, 0 s; ${commit}`;
  const age = seconds === null ? 'for how long is not known' : `the oldest for ${spanText(seconds)}`;
  const pace = recordsPerSecond === null ? [] : [`${countText(recordsPerSecond)} records/s`];
  const left = secondsLeft === null ? [] : [`${spanText(secondsLeft)} left`];
  return [`${countText(records)} records wait, ${age}`, commit, ...pace, ...left].join('; ');
}

function projectorText({ projectors }: StatusReport): string {
  if (projectors === null) return NOT_KNOWN;
  return projectors === 0 ? 'none runs' : `${String(projectors)} in the consumer group`;
}

/** Expensive facts are not asked at every look. If such a fact is older than this, its age is shown. */
const OLD_SECONDS = 5;

function agedText(what: string, then: string, now: string): string[] {
  const seconds = (Date.parse(now) - Date.parse(then)) / 1000;
  return seconds < OLD_SECONDS ? [] : [`${what} ${spanText(seconds)} ago`];
}

function ledgerText(
  { decisions, rowsSeen, notDeleted, legacyRows, countedAt }: LedgerPart,
  at: string,
): string {
  const parts = Object.entries(decisions).map(([name, rows]) => `${name} ${countText(rows)}`);
  return [
    `${countText(rowsSeen ?? 0)} rows seen${parts.length === 0 ? '' : ` = ${parts.join(' + ')}`}`,
    `not deleted ${countText(notDeleted ?? 0)}, the legacy table has ${legacyRows === null ? NOT_KNOWN : countText(legacyRows)}`,
    ...agedText('counted', countedAt, at),
  ].join('; ');
}

function sweeperText({ sweeper }: StatusReport): string {
  if (sweeper === null) return NOTHING;
  const { unsettled, overdue, blocked, weak, stragglers, last } = sweeper;
  return [
    renderLastSweep(last),
    `${countText(unsettled)} twins unsettled${overdue === 0 ? '' : `, ${countText(overdue)} overdue`}`,
    `blocked ${blocked === null ? NOT_KNOWN : countText(blocked)}`,
    `weak fingerprints ${weak === null ? NOT_KNOWN : countText(weak)}`,
    `stragglers ${stragglers === null ? NOT_KNOWN : countText(stragglers)}`,
  ].join('; ');
}

function snapshotText({ snapshot, at }: StatusReport): string {
  if (snapshot === null) return NOTHING;
  const { initial, run, askedAt } = snapshot;
  const aged = agedText('asked', askedAt, at);
  if (run === null) return [`initial ${initial}; no other`, ...aged].join('; ');
  const { state, rowsDone, rowsTotal, rowsPerSecond, secondsLeft } = run;
  const rows = (count: number | null) => (count === null ? 'unknown' : countText(count));
  return [
    `initial ${initial}; the last one ${state}, ${rows(rowsDone)} of ${rows(rowsTotal)} rows`,
    ...(rowsPerSecond === null ? [] : [`${countText(rowsPerSecond)} rows/s`]),
    ...(secondsLeft === null ? [] : [`${spanText(secondsLeft)} left`]),
    ...aged,
  ].join(', ');
}

function verdictText({ verdicts, at }: StatusReport): string {
  if (verdicts === null) return NOTHING;
  const [last, ...before] = verdicts;
  if (last === undefined) return 'reconcile has never come to its end';
  const ago = (finishedAt: string) =>
    `${spanText(Math.max(0, (Date.parse(at) - Date.parse(finishedAt)) / 1000))} ago`;
  const word = (verdict: string) => verdict.replace('_', ' ');
  const earlier = before.map(({ verdict, finishedAt }) => `${word(verdict)} ${ago(finishedAt)}`);
  return [
    `${word(last.verdict)} ${ago(last.finishedAt)} over ${countText(last.legacyRows)} legacy rows`,
    ...(last.stale === null ? [] : ['stale']),
    ...(earlier.length === 0 ? [] : [`before it ${earlier.join(', ')}`]),
  ].join('; ');
}

function verifiedText({ verification }: StatusReport): string {
  if (verification === null) return NOTHING;
  const { checked, waiting, wrong, accepted, heldBy } = verification;
  const age = checked.oldestUnverifiedSeconds;
  return [
    `checked ${countText(checked.rows)}, waiting ${countText(waiting)}, wrong ${wrong === null ? NOT_KNOWN : countText(wrong)}`,
    ...(accepted === 0 ? [] : [`accepted ${countText(accepted)}`]),
    age === null ? 'not yet everything' : `oldest check ${spanText(age)} ago`,
    ...(heldBy === null ? [] : [`held back by ${heldBy}`]),
  ].join('; ');
}
