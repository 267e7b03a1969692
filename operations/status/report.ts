import type { Unhealed } from '../../consumers/agent-test-history/stream/unhealed.ts';
import type { LastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import type { Config } from '../../lib/config.ts';
import type { Answer } from '../facts/areas.ts';
import type { ConnectorState } from '../../connectors/deploy/connect-client.ts';
import { backlogIn } from '../facts/backlog.ts';
import { STEPS } from '../checks/verdict.ts';
import type { SnapshotStatus } from '../snapshot/status.ts';
import type { StatusFacts, TwinFacts } from './facts.ts';
import { SEVERITIES, type Problem, type Severity } from './problem.ts';
import { problemsOf } from './problems.ts';
import { ledgerSums, type LedgerSums } from './sums.ts';
import { runwaySeconds } from '../checks/limits.ts';

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

/** Pure: the same facts give the same report. */
export function reportOf(facts: StatusFacts, config: Config): StatusReport {
  const problems = inOrder(problemsOf(facts, config));
  const [first] = problems;
  return {
    at: facts.at.toISOString(),
    state: first?.severity ?? 'good',
    next: first === undefined ? null : { id: first.id, fix: first.fix },
    problems,
    services: servicesOf(facts),
    connector: connectorOf(facts, config),
    slot: slotOf(facts, config),
    lag: lagOf(facts),
    projectors: valueOf(facts.projectors),
    ledger: ledgerOf(facts),
    quarantine: valueOf(facts.quarantine),
    sweeper: sweeperOf(facts),
    snapshot: snapshotOf(facts),
    verdicts: verdictsOf(facts),
  };
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

function servicesOf({ areas: { source, canonical, brokers, worker, registry } }: StatusFacts) {
  return {
    'legacy database': source.known,
    'canonical database': canonical.known,
    Kafka: brokers.known,
    'Kafka Connect': worker.known,
    registry: registry.known,
  };
}

function connectorOf({ areas, at }: StatusFacts, { CONNECTOR_NAME: name }: Config): ConnectorPart | null {
  const heartbeat = valueOf(areas.proof)?.heartbeat;
  const status = valueOf(areas.connector)?.status;
  if (areas.connector.known && status === undefined && heartbeat === undefined) return null;
  const ageMs = heartbeat === undefined ? null : at.getTime() - heartbeat.arrivedAt.getTime();
  return {
    name,
    state: status?.connector.state ?? (areas.connector.known ? 'ABSENT' : 'UNREACHABLE'),
    tasks: status?.tasks.map(({ state }) => state) ?? [],
    heartbeatSeconds: ageMs === null ? null : Math.max(0, Math.round(ageMs / 1000)),
  };
}

function slotOf({ areas }: StatusFacts, { SLOT_NAME: name }: Config): SlotPart | null {
  const slot = valueOf(areas.source)?.slot ?? null;
  if (slot === null) return null;
  const server = valueOf(areas.server);
  const standing = server?.slot;
  return {
    name,
    active: slot.active,
    walStatus: slot.walStatus,
    lagBytes: slot.lagBytes,
    retainedBytes: standing?.retainedBytes ?? null,
    bytesLeft: standing?.bytesLeft ?? null,
    walBytesPerSecond: server?.averageWalRate ?? null,
    runwaySeconds: server === null ? null : (runwaySeconds(server, server.averageWalRate) ?? null),
  };
}

function lagOf({ areas, oldestSeconds, recordsPerSecond }: StatusFacts): LagPart | null {
  const backlog = backlogIn(areas);
  if (backlog === undefined) return null;
  const records = Number(backlog.records);
  const pace = recordsPerSecond === null ? null : Math.round(recordsPerSecond);
  return {
    records,
    seconds: valueOf(oldestSeconds),
    secondsSinceCommit: Math.round(backlog.secondsSinceCommit),
    recordsPerSecond: pace,
    secondsLeft: records === 0 ? 0 : pace === null || pace <= 0 ? null : Math.ceil(records / pace),
  };
}

function ledgerOf(facts: StatusFacts): LedgerPart | null {
  const rows = valueOf(facts.ledger.answer);
  if (rows === null) return null;
  return {
    ...ledgerSums(facts),
    decisions: Object.fromEntries(rows.map((row) => [row.decision, row.rows])),
    legacyRows: valueOf(facts.legacyRows.answer),
    countedAt: facts.ledger.at.toISOString(),
  };
}

function sweeperOf(facts: StatusFacts): StatusReport['sweeper'] {
  const twins = valueOf(facts.twins);
  const { blocked, weak, stragglers } = ledgerSums(facts);
  const last = facts.sweeps.known ? (facts.sweeps.value ?? 'not_stored') : null;
  return twins === null ? null : { ...twins, blocked, weak, stragglers, last };
}

function snapshotOf({ snapshot: { answer, at } }: StatusFacts): StatusReport['snapshot'] {
  const status = valueOf(answer);
  return status === null ? null : { ...status, askedAt: at.toISOString() };
}

function verdictsOf({ verdicts }: StatusFacts): VerdictPart[] | null {
  const known = valueOf(verdicts);
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
