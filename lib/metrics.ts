import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { makerOf, type Make } from './metric-kinds.ts';
import { RELEASE } from './release.ts';

/** Asked at each scrape. If the answer is null, the numbers are not known and there is no sample. */
type InQuarantine = () => Promise<{ readonly open: number; readonly waived: number } | null>;

/** Gauges of prom-client whose names say that they are counters: `promtool check metrics` refuses them. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * All metrics. Names contain the units. No label contains a value of a row.
 *
 * A metric that is not known has no sample: a 0 would say that all is well. So a gauge without labels begins without a
 * sample (`unknown`), and whoever sets a gauge takes its sample away (`forget`) when its value can no longer be read.
 */
export function createMetrics(inQuarantine: InQuarantine = () => Promise.resolve(null)) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const make = makerOf(registry);
  const hooks: (() => void)[] = [];
  const metrics = {
    registry,
    /** `hook` runs before each scrape. It is where values that have become too old are taken away. */
    beforeScrape: (hook: () => void): void => {
      hooks.push(hook);
    },
    /** The text that Prometheus reads. */
    scrape: async (): Promise<string> => {
      for (const hook of hooks) hook();
      return await registry.metrics();
    },
    ...workDone(make),
    ...sweepsDone(make),
    ...state(make),
    ...watched(make),
    ...source(make),
    ...ledger(make),
    ...verified(make),
    ...soaked(make),
    quarantine: quarantineGauge(registry, inQuarantine),
  };
  metrics.buildInfo.set({ version: RELEASE, node_version: process.versions.node }, 1);
  return metrics;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Counts the whole database and not this process, because people waive and retry in other processes. */
function quarantineGauge(registry: Registry, inQuarantine: InQuarantine) {
  return new Gauge({
    name: 'history_cdc_quarantine_records',
    help: 'Records in quarantine now, by state: open (waiting for a person), waived (given up by one)',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const counts = await inQuarantine();
      this.reset();
      for (const [state, count] of Object.entries(counts ?? {})) this.set({ state }, count);
    },
  });
}

const workDone = ({ counter, histogram }: Make) => ({
  records: counter(
    'history_cdc_records_total',
    'Records read from the topic, by what became of them: applied, duplicate, stale, tombstone, quarantined',
    'outcome',
  ),
  decisions: counter('history_cdc_decisions_total', 'Decisions recorded in the ledger', 'decision'),
  canonicalRows: counter(
    'history_cdc_canonical_rows_written_total',
    'Rows of agent_compliance_runs inserted, updated, or deleted because a live row took over',
    'operation',
  ),
  valuesLeftOut: counter(
    'history_cdc_values_left_out_total',
    'Unchanged TOAST values that events left out, by column',
    'column',
  ),
  batchSeconds: histogram(
    'history_cdc_batch_duration_seconds',
    'Time of a batch in Postgres, its retries included',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ),
  batchRecords: histogram(
    'history_cdc_batch_records',
    'Records in a committed batch',
    [1, 10, 100, 500, 1000, 2000, 5000, 10000],
  ),
  retries: counter(
    'history_cdc_transaction_retries_total',
    'Transactions that failed because of the environment and were tried again',
  ),
});

const sweepsDone = ({ counter, histogram, unknown }: Make) => ({
  sweepSeconds: histogram(
    'history_cdc_sweep_duration_seconds',
    'Time of a sweep for live rows and memberships that came late',
    [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300],
  ),
  sweepRepairs: counter(
    'history_cdc_sweep_repairs_total',
    'What sweeps put right: absorbed (a live row took over from ours), relinked, late_owner',
    'repair',
  ),
  sweepFailures: counter(
    'history_cdc_sweep_failures_total',
    'Sweeps that were given up because of the environment',
  ),
  lateOwnersReported: unknown(
    'history_cdc_late_owners_reported',
    "Strangers' runs beyond the grace window whose user now owns the agent; by the last sweep of this projector",
  ),
});

const state = ({ gauge, unknown }: Make) => ({
  buildInfo: gauge(
    'history_cdc_build_info',
    '1, with the release and the version of Node',
    'version',
    'node_version',
  ),
  ready: unknown('history_cdc_ready', '1 while /readyz answers 200, else 0'),
  lag: gauge(
    'history_cdc_lag_records',
    'Records between the stored offset and the high watermark of each assigned partition; absent while Kafka is silent',
    'partition',
  ),
  assignedPartitions: gauge(
    'history_cdc_assigned_partitions',
    'Partitions that the consumer group has given to this projector',
  ),
  lastCommit: unknown(
    'history_cdc_last_commit_timestamp_seconds',
    'Unix time of the last batch that this projector committed',
  ),
});

/** What the watchdog sees. The gauges have no sample while it has not looked for long. */
const watched = ({ counter, gauge, unknown }: Make) => ({
  stalled: gauge(
    'history_cdc_stalled',
    '1 while a stage stands still although the stage before it moves: stream (Kafka Connect), projection',
    'stage',
  ),
  gapsOpen: unknown(
    'history_cdc_gaps_open',
    'Breaks of the stream after which it is not proven yet that no row is missing',
  ),
  connectorRestarts: counter(
    'history_cdc_connector_restarts_total',
    'Restarts of a failed connector that this projector has asked for',
  ),
  watchdogBlind: gauge(
    'history_cdc_watchdog_blind',
    '1 while the watchdog cannot see a service: legacy, connect, kafka, ledger',
    'service',
  ),
  watchdogLooked: unknown(
    'history_cdc_watchdog_look_timestamp_seconds',
    'Unix time of the last look of the watchdog that came to its end',
  ),
});

/** What this projector reads of services that all projectors share (operations/gauges). */
const source = ({ gauge, unknown }: Make) => ({
  factKnown: gauge(
    'history_cdc_fact_known',
    '1 where the last look could read the fact, 0 where it could not: then the metrics of the fact are absent',
    'fact',
  ),
  lagSeconds: gauge(
    'history_cdc_lag_seconds',
    'Age of the oldest record of each partition of the topic that is not projected, by its timestamp in Kafka; 0 if none waits',
    'partition',
  ),
  connectorState: gauge(
    'history_cdc_connector_state',
    '1 for the state of the connector with its task: running, paused, stopped, failed, unassigned, no_task, missing',
    'state',
  ),
  slotState: gauge(
    'history_cdc_slot_state',
    '1 for the state of the replication slot: active, inactive (nobody reads it), lost (the server gave it up), missing',
    'state',
  ),
  slotRetained: unknown('history_cdc_slot_retained_wal_bytes', 'WAL that the server keeps for the slot'),
  slotUnconfirmed: unknown(
    'history_cdc_slot_unconfirmed_wal_bytes',
    'WAL behind the position that the connector has confirmed',
  ),
  slotRoom: unknown(
    'history_cdc_slot_wal_room_bytes',
    'WAL that can still be written before the server gives the slot up; absent without max_slot_wal_keep_size',
  ),
  slotLimit: unknown(
    'history_cdc_slot_wal_limit_bytes',
    'max_slot_wal_keep_size; absent if the server has no limit',
  ),
  slotRunway: unknown(
    'history_cdc_slot_runway_seconds',
    'Time until the server gives the slot up if nobody reads it, at the average rate of WAL; absent if not known',
  ),
});

/** What the ledger's database holds, of all projectors together. */
const ledger = ({ gauge, unknown }: Make) => ({
  ledgerRows: gauge('history_cdc_ledger_rows', 'Rows of the ledger by decision', 'decision'),
  stragglers: unknown(
    'history_cdc_stragglers',
    "Owners' runs in the ledger that the live path did not record while it was up",
  ),
  twinsBlocked: unknown(
    'history_cdc_twins_blocked',
    'Live rows that cannot take over from ours, because something refers to ours',
  ),
  verdict: gauge(
    'history_cdc_verdict',
    '1 for what the last finished reconcile said: proven, changes_proven, not_proven, wrong; none if there is none',
    'verdict',
  ),
  verdictStale: unknown(
    'history_cdc_verdict_stale',
    '1 if the last verdict says nothing about now: it is older than 24 hours, or of another release or rule',
  ),
  verdictAt: unknown(
    'history_cdc_verdict_timestamp_seconds',
    'Unix time at which the last reconcile finished',
  ),
});

/** The verification of what was projected. The labelled gauges have no sample while a number is not known. */
const verified = ({ counter, gauge }: Make) => ({
  verifiedRows: counter(
    'history_cdc_verification_compared_rows_total',
    'Rows that this projector has compared again, by part: again (found before), changed, whole',
    'part',
  ),
  verification: gauge(
    'history_cdc_verification_rows',
    'Rows by state, of all projectors together: checked, waiting (changed, or to be looked at again), wrong',
    'rows',
  ),
  verificationState: gauge(
    'history_cdc_verification_state',
    '1 for the state of the verification: good, wrong, unverified (first pass under way), unknown',
    'state',
  ),
  verifiedUntil: gauge(
    'history_cdc_verification_timestamp_seconds',
    'Unix time: every_row was compared after it; changes before it were compared',
    'of',
  ),
});

/** What the last look at the soak came to (operations/soak), of whichever projector or command looked. */
const soaked = ({ gauge, unknown }: Make) => ({
  soakStage: gauge(
    'history_cdc_retirement_stage',
    '1 for the stage of the legacy table: soaking, ready, fenced, archived, dropped',
    'stage',
  ),
  soakCondition: gauge(
    'history_cdc_soak_condition_met',
    '1 where a condition of the soak is met or attested, 0 where it is not met or not known; absent if the look is old',
    'condition',
  ),
  soakConditionState: gauge(
    'history_cdc_soak_condition',
    '1 for the state of each condition of the soak: met, not_met, unknown, attested; absent if the look is old',
    'condition',
    'state',
  ),
  soakIncidents: gauge(
    'history_cdc_incidents',
    'Incidents by kind and state: open (it goes on), stops (it is over, and stops a clock), past',
    'kind',
    'state',
  ),
  soakLooked: unknown(
    'history_cdc_soak_look_timestamp_seconds',
    'Unix time of the last look at the soak that came to its end; by the clock of the canonical database',
  ),
});
