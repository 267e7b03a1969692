import type { ConnectorState } from '../../connectors/deploy/connect-client.ts';
import type { Config } from '../../lib/config.ts';
import { circumstancesOf, judge, type CheckResult } from '../checks/judge.ts';
import { ledgerSums, type LedgerSums } from '../checks/ledger-sums.ts';
import { runwaySeconds } from '../checks/limits.ts';
import { STEPS } from '../checks/verdict.ts';
import type { Answer } from '../facts/answer.ts';
import { backlogIn } from '../facts/backlog.ts';
import type { LastSweeps, TwinFacts, Unhealed } from '../facts/ledger.ts';
import { snapshotStatus, type SnapshotStatus } from '../snapshot/status.ts';
import type { RetirementFacts } from '../facts/retirement.ts';
import type { Look } from './lookout.ts';
import { verificationOf, type VerificationPart } from './verification-part.ts';
import { sectionOf, WATCHED, type Section } from './watched.ts';

/**
 * `wrong`: rows are lost or late, not right, or wait for a person. `unknown`: that cannot be ruled out, because something
 * gives no answer. `not_yet`: a later step of the deployment brings it. `attention`: nothing is lost, and somebody should
 * look. In this order one of them is told first.
 */
export const SEVERITIES = ['wrong', 'unknown', 'not_yet', 'attention'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Problem {
  /** Of the check. */
  readonly id: string;
  readonly section: Section;
  readonly severity: Severity;
  readonly evidence: string;
  /** What to do: a command, SQL, or where it is described. */
  readonly fix: string;
}

/** What `status` says, as `--json` prints it. Null is what is not known, or not there; `problems` says why. */
export interface StatusReport {
  /** ISO time. */
  readonly at: string;
  readonly state: 'good' | Severity;
  /** The one thing to do; null where there is nothing. */
  readonly next: { readonly id: string; readonly fix: string } | null;
  /** What is wrong first, and in each kind what should be mended first. */
  readonly problems: readonly Problem[];
  readonly services: Readonly<Record<ServiceName, boolean>>;
  readonly connector: ConnectorPart | null;
  readonly slot: SlotPart | null;
  readonly lag: LagPart | null;
  /** Members of the consumer group. */
  readonly projectors: number | null;
  readonly ledger: LedgerPart | null;
  readonly quarantine: Unhealed | null;
  readonly sweeper: SweeperPart | null;
  readonly snapshot: (SnapshotStatus & { readonly askedAt: string }) | null;
  /** Of `reconcile`, newest first; null where they are not known. */
  readonly verdicts: readonly VerdictPart[] | null;
  readonly verification: VerificationPart | null;
  /** The stage of the legacy table, with what the last look of `soak` or `project` came to. */
  readonly retirement: RetirementPart | null;
}

export type ServiceName = 'legacy database' | 'canonical database' | 'Kafka' | 'Kafka Connect' | 'registry';

export interface ConnectorPart {
  readonly name: string;
  /** `ABSENT`: Connect has none of that name; `UNREACHABLE`: Connect gives no answer. */
  readonly state: ConnectorState | 'ABSENT' | 'UNREACHABLE';
  readonly tasks: readonly string[];
  /** Since the last heartbeat came through WAL, slot, Connect and Kafka: all that was committed before it is in the topic. */
  readonly heartbeatSeconds: number | null;
}

export interface SlotPart {
  readonly name: string;
  readonly active: boolean;
  readonly walStatus: string | null;
  /** Bytes of WAL that the connector has not confirmed. */
  readonly lagBytes: number | null;
  /** Bytes of WAL that the server keeps for it. */
  readonly retainedBytes: number | null;
  /** Until the server gives the slot up; null without a cap. */
  readonly bytesLeft: number | null;
  /** That the server writes on average; null where that is not known yet. */
  readonly walBytesPerSecond: number | null;
  /** Until the server gives the slot up once nobody reads it, by the first of its limits; null where that is not known. */
  readonly runwaySeconds: number | null;
}

export interface LagPart {
  /** In the topic and not projected yet. A row that changed twice has two. */
  readonly records: number;
  /** Since the oldest of them was written to Kafka, a twentieth too many at most; 0 where none waits, however long ago the last one came. */
  readonly seconds: number | null;
  readonly secondsSinceCommit: number;
  /** Projected since the look before; null at the first. */
  readonly recordsPerSecond: number | null;
  readonly secondsLeft: number | null;
}

export interface LedgerPart extends LedgerSums {
  readonly decisions: Readonly<Record<string, number>>;
  readonly legacyRows: number | null;
  /** ISO time of the count. */
  readonly countedAt: string;
}

export interface SweeperPart extends TwinFacts, Pick<LedgerSums, 'blocked' | 'weak' | 'stragglers'> {
  /** How the last sweeps ended; `not_stored` where the ledger is of an earlier release. */
  readonly last: LastSweeps | 'not_stored' | null;
}

export interface VerdictPart {
  readonly finishedAt: string;
  readonly verdict: string;
  readonly legacyRows: number;
  /** Why it says nothing about now; null of those before the last, too. */
  readonly stale: string | null;
}

export interface RetirementPart extends Omit<RetirementFacts, 'lookedAt'> {
  /** ISO time, by the clock of the canonical database; null where nobody has looked yet. */
  readonly lookedAt: string | null;
}

/** Pure: the same facts give the same report. */
export function reportOf(look: Look, config: Config): StatusReport {
  const { answers } = look;
  const circumstances = circumstancesOf(answers, config, look.at);
  const problems = inOrder(judge(WATCHED, answers, circumstances).flatMap(problemOf));
  const [first] = problems;
  return {
    at: look.at.toISOString(),
    state: first?.severity ?? 'good',
    next: first === undefined ? null : { id: first.id, fix: first.fix },
    problems,
    services: servicesOf(look),
    connector: connectorOf(look, config),
    slot: slotOf(look, config),
    lag: lagOf(look),
    projectors: valueOf(answers.projectors),
    ledger: ledgerOf(look),
    quarantine: valueOf(answers.quarantine),
    sweeper: sweeperOf(look),
    snapshot: snapshotOf(look, snapshotStatus(answers, circumstances)),
    verdicts: verdictsOf(look),
    verification: verificationOf(look),
    retirement: retirementOf(look),
  };
}

const SEVERITY = { failed: 'wrong', warning: 'attention', not_yet: 'not_yet', unknown: 'unknown' } as const;

/** A warning that cannot be ruled out is none. */
function problemOf({ id, verdict, severity, title, evidence, fix }: CheckResult): Problem[] {
  if (verdict === 'ok' || (verdict === 'unknown' && severity === 'warning')) return [];
  const problem = { id, section: sectionOf(id), severity: SEVERITY[verdict] };
  return verdict === 'unknown'
    ? [
        {
          ...problem,
          evidence: `cannot tell whether ${title}: ${evidence}`,
          fix: `history-cdc doctor --only ${id}`,
        },
      ]
    : [{ ...problem, evidence, fix: fix ?? '' }];
}

const STEP_ORDER: readonly string[] = Object.values(STEPS);

/** Steps of a deployment in theirs; everything else as it came. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const rank = ({ severity, fix }: Problem) =>
    SEVERITIES.indexOf(severity) * 10 + (severity === 'not_yet' ? STEP_ORDER.indexOf(fix) : 0);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

function valueOf<T>(answer: Answer<T | undefined>): T | null {
  return answer.known ? (answer.value ?? null) : null;
}

function servicesOf({ answers: { server, canonical, brokers, worker, registry } }: Look) {
  return {
    'legacy database': server.known,
    'canonical database': canonical.known,
    Kafka: brokers.known,
    'Kafka Connect': worker.known,
    registry: registry.known,
  };
}

function connectorOf({ answers, at }: Look, { CONNECTOR_NAME: name }: Config): ConnectorPart | null {
  const heartbeat = valueOf(answers.observed)?.heartbeat;
  const status = valueOf(answers.connector)?.status;
  if (answers.connector.known && status === undefined && heartbeat === undefined) return null;
  const ageMs = heartbeat === undefined ? null : at.getTime() - heartbeat.arrivedAt.getTime();
  return {
    name,
    state: status?.connector.state ?? (answers.connector.known ? 'ABSENT' : 'UNREACHABLE'),
    tasks: status?.tasks.map(({ state }) => state) ?? [],
    heartbeatSeconds: ageMs === null ? null : Math.max(0, Math.round(ageMs / 1000)),
  };
}

function slotOf({ answers }: Look, { SLOT_NAME: name }: Config): SlotPart | null {
  const slot = valueOf(answers.slot);
  if (slot === null) return null;
  const server = valueOf(answers.server);
  const { active, walStatus, lagBytes, retainedBytes, bytesLeft } = slot;
  return {
    ...{ name, active, walStatus, lagBytes, retainedBytes, bytesLeft },
    walBytesPerSecond: server?.averageWalRate ?? null,
    runwaySeconds: server === null ? null : (runwaySeconds(server, slot, server.averageWalRate) ?? null),
  };
}

function lagOf({ answers, recordsPerSecond }: Look): LagPart | null {
  const backlog = backlogIn(answers);
  if (backlog === undefined) return null;
  const records = Number(backlog.records);
  const pace = recordsPerSecond === null ? null : Math.round(recordsPerSecond);
  return {
    records,
    seconds: valueOf(answers.oldestSeconds),
    secondsSinceCommit: Math.round(backlog.secondsSinceCommit),
    recordsPerSecond: pace,
    secondsLeft: records === 0 ? 0 : pace === null || pace <= 0 ? null : Math.ceil(records / pace),
  };
}

/** When an answer was given: it may be older than the look. */
function atOf(answer: Answer<unknown>, { at }: Look): string {
  return ((answer.known ? answer.at : undefined) ?? at).toISOString();
}

function ledgerOf(look: Look): LedgerPart | null {
  const { answers } = look;
  const rows = valueOf(answers.decisions);
  if (rows === null) return null;
  return {
    ...ledgerSums(answers),
    decisions: Object.fromEntries(rows.map((row) => [row.decision, row.rows])),
    legacyRows: valueOf(answers.legacyRows),
    countedAt: atOf(answers.decisions, look),
  };
}

function sweeperOf({ answers }: Look): StatusReport['sweeper'] {
  const twins = valueOf(answers.twins);
  const { blocked, weak, stragglers } = ledgerSums(answers);
  const last = answers.sweeps.known ? (answers.sweeps.value ?? 'not_stored') : null;
  return twins === null ? null : { ...twins, blocked, weak, stragglers, last };
}

function snapshotOf(look: Look, status: SnapshotStatus | undefined): StatusReport['snapshot'] {
  if (status === undefined) return null;
  return { ...status, askedAt: atOf(look.answers.snapshotProgress, look) };
}

function verdictsOf({ answers }: Look): VerdictPart[] | null {
  const known = valueOf(answers.verdicts);
  if (known === null) return null;
  const { last, before } = known;
  const runs = last === undefined ? [] : [last.run, ...before];
  return runs.map((run, index) => ({
    finishedAt: run.finished_at?.toISOString() ?? '',
    verdict: run.verdict ?? '',
    legacyRows: Number(run.legacy_rows),
    stale: index === 0 ? (last?.stale ?? null) : null,
  }));
}

function retirementOf({ answers }: Look): RetirementPart | null {
  const facts = valueOf(answers.retirement);
  return facts === null ? null : { ...facts, lookedAt: facts.lookedAt?.toISOString() ?? null };
}
