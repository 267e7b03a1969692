import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Asked at each scrape. If the answer is null, the numbers are not known and there is no sample. */
type InQuarantine = () => Promise<{ readonly open: number; readonly waived: number } | null>;

/** All metrics. Names contain the units. No label contains a value of a row. */
export function createMetrics(inQuarantine: InQuarantine = () => Promise.resolve(null)) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...workDone([registry]),
    ...sweepsDone([registry]),
    ...state([registry]),
    ...watched([registry]),
    ...verified([registry]),
    ...soaked([registry]),
    ...told([registry]),
    quarantine: quarantineGauge([registry], inQuarantine),
  };
}

/** Counts the whole database and not this process, because people waive and retry in other processes. */
function quarantineGauge(registers: Registry[], inQuarantine: InQuarantine) {
  return new Gauge({
    name: 'history_cdc_quarantine_records',
    help: 'Records in quarantine now, by state: open (waiting for a person), waived (given up by one)',
    labelNames: ['state'],
    registers,
    async collect() {
      const counts = await inQuarantine();
      this.reset();
      for (const [state, count] of Object.entries(counts ?? {})) this.set({ state }, count);
    },
  });
}

function workDone(registers: Registry[]) {
  return {
    records: new Counter({
      name: 'history_cdc_records_total',
      help: 'Records read from the topic, by what became of them: applied, duplicate, stale, tombstone, quarantined',
      labelNames: ['outcome'],
      registers,
    }),
    decisions: new Counter({
      name: 'history_cdc_decisions_total',
      help: 'Decisions recorded in the ledger',
      labelNames: ['decision'],
      registers,
    }),
    canonicalRows: new Counter({
      name: 'history_cdc_canonical_rows_written_total',
      help: 'Rows of agent_compliance_runs inserted, updated, or deleted because a live row took over',
      labelNames: ['operation'],
      registers,
    }),
    valuesLeftOut: new Counter({
      name: 'history_cdc_values_left_out_total',
      help: 'Unchanged TOAST values that events left out, by column',
      labelNames: ['column'],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'history_cdc_batch_duration_seconds',
      help: 'Time of a batch in Postgres, its retries included',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    batchRecords: new Histogram({
      name: 'history_cdc_batch_records',
      help: 'Records in a committed batch',
      buckets: [1, 10, 100, 500, 1000, 2000, 5000, 10000],
      registers,
    }),
    retries: new Counter({
      name: 'history_cdc_transaction_retries_total',
      help: 'Transactions that failed because of the environment and were tried again',
      registers,
    }),
  };
}

function sweepsDone(registers: Registry[]) {
  return {
    sweepSeconds: new Histogram({
      name: 'history_cdc_sweep_duration_seconds',
      help: 'Time of a sweep for live rows and memberships that came late',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300],
      registers,
    }),
    sweepRepairs: new Counter({
      name: 'history_cdc_sweep_repairs_total',
      help: 'What sweeps put right: absorbed (a live row took over from ours), relinked, late_owner',
      labelNames: ['repair'],
      registers,
    }),
    sweepFailures: new Counter({
      name: 'history_cdc_sweep_failures_total',
      help: 'Sweeps that were given up because of the environment',
      registers,
    }),
  };
}

function state(registers: Registry[]) {
  return {
    lag: new Gauge({
      name: 'history_cdc_lag_records',
      help: 'Records between the stored offset and the high watermark that the last fetch saw',
      labelNames: ['partition'],
      registers,
    }),
    twinsBlocked: new Gauge({
      name: 'history_cdc_twins_blocked',
      help: 'Live rows that cannot take over from ours, because something refers to ours; by the last sweep',
      registers,
    }),
    lateOwnersReported: new Gauge({
      name: 'history_cdc_late_owners_reported',
      help: "Strangers' runs beyond the grace window whose user now owns the agent; by the last sweep",
      registers,
    }),
    stragglers: new Gauge({
      name: 'history_cdc_stragglers',
      help: "Owners' runs that the live path did not record while it was up; by the last sweep",
      registers,
    }),
    assignedPartitions: new Gauge({
      name: 'history_cdc_assigned_partitions',
      help: 'Partitions that the consumer group has given to this projector',
      registers,
    }),
    lastCommit: new Gauge({
      name: 'history_cdc_last_commit_timestamp_seconds',
      help: 'Unix time of the last committed batch',
      registers,
    }),
  };
}

/** What the watchdog sees. */
function watched(registers: Registry[]) {
  return {
    stalled: new Gauge({
      name: 'history_cdc_stalled',
      help: '1 while a stage stands still although the stage before it moves: stream (Kafka Connect), projection',
      labelNames: ['stage'],
      registers,
    }),
    gapsOpen: new Gauge({
      name: 'history_cdc_gaps_open',
      help: 'Breaks of the stream after which it is not proven yet that no row is missing',
      registers,
    }),
    connectorRestarts: new Counter({
      name: 'history_cdc_connector_restarts_total',
      help: 'Restarts of a failed connector that this projector has asked for',
      registers,
    }),
    watchdogBlind: new Gauge({
      name: 'history_cdc_watchdog_blind',
      help: '1 while the watchdog cannot see a service: legacy, connect, kafka, ledger',
      labelNames: ['service'],
      registers,
    }),
  };
}

/** The verification of what was projected. The labelled gauges have no sample while a number is not known. */
function verified(registers: Registry[]) {
  return {
    verifiedRows: new Counter({
      name: 'history_cdc_verification_compared_rows_total',
      help: 'Rows that this projector has compared again, by part: again (found before), changed, whole',
      labelNames: ['part'],
      registers,
    }),
    verification: new Gauge({
      name: 'history_cdc_verification_rows',
      help: 'Rows by state, of all projectors together: checked, waiting (changed, or to be looked at again), wrong',
      labelNames: ['rows'],
      registers,
    }),
    verificationState: new Gauge({
      name: 'history_cdc_verification_state',
      help: '1 for the state of the verification: good, wrong, unverified (first pass under way), unknown',
      labelNames: ['state'],
      registers,
    }),
    verifiedUntil: new Gauge({
      name: 'history_cdc_verification_timestamp_seconds',
      help: 'Unix time: every_row was compared after it; changes before it were compared',
      labelNames: ['of'],
      registers,
    }),
  };
}

/** What the last look at the soak came to (operations/soak), by this projector. */
function soaked(registers: Registry[]) {
  return {
    soakStage: new Gauge({
      name: 'history_cdc_retirement_stage',
      help: '1 for the stage of the legacy table: soaking, ready, fenced, archived, dropped',
      labelNames: ['stage'],
      registers,
    }),
    soakCondition: new Gauge({
      name: 'history_cdc_soak_condition_met',
      help: '1 where a condition of the soak is met or attested, 0 where it is not met or not known',
      labelNames: ['condition'],
      registers,
    }),
    soakIncidents: new Gauge({
      name: 'history_cdc_incidents',
      help: 'Incidents by kind and state: open (it goes on), stops (it is over, and stops a clock), past',
      labelNames: ['kind', 'state'],
      registers,
    }),
    soakLooked: new Gauge({
      name: 'history_cdc_soak_look_timestamp_seconds',
      help: 'Unix time of the last look at the soak that came to its end; by the clock of the canonical database',
      registers,
    }),
  };
}

/** Messages to people (operations/webhook), of all projectors together. */
function told(registers: Registry[]) {
  return {
    webhookMessages: new Gauge({
      name: 'history_cdc_webhook_messages',
      help: 'Messages of the webhook that are not delivered, by state: waiting, given_up (nobody was told)',
      labelNames: ['state'],
      registers,
    }),
    webhookOldest: new Gauge({
      name: 'history_cdc_webhook_oldest_waiting_seconds',
      help: 'Since the oldest message of the webhook that waits was made; 0 where none waits',
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
