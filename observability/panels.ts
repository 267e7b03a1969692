export interface PanelText {
  /** `number`: the last value; `name`: the legend of the series that is there; `lines`: over time. */
  readonly kind: 'number' | 'name' | 'lines';
  readonly title: string;
  readonly description: string;
  /** Of Grafana: `s`, `bytes`, `short`, … */
  readonly unit: string;
  /** Each query with the text of its legend. */
  readonly queries: Readonly<Record<string, string>>;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly PanelText[];
}

/** What the projectors say. */
export const PIPELINE: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      {
        kind: 'number',
        title: 'Projectors heard',
        description: 'Projectors that answer a scrape.',
        unit: 'short',
        queries: { projectors: 'sum(up{job="history-cdc"})' },
      },
      {
        kind: 'number',
        title: 'Oldest record that waits',
        description: 'Of all partitions.',
        unit: 's',
        queries: { lag: 'max(history_cdc_lag_seconds)' },
      },
      {
        kind: 'number',
        title: 'In quarantine',
        description: 'Records that wait for a person.',
        unit: 'short',
        queries: { open: 'max(history_cdc_quarantine_records{state="open"})' },
      },
      {
        kind: 'name',
        title: 'Last verdict',
        description: 'Of the last reconcile.',
        unit: 'short',
        queries: { '{{verdict}}': 'max by (verdict) (history_cdc_verdict) == 1' },
      },
      {
        kind: 'number',
        title: 'Age of the verdict',
        description: 'It is stale after 24 hours.',
        unit: 's',
        queries: { age: 'time() - max(history_cdc_verdict_timestamp_seconds)' },
      },
      {
        kind: 'number',
        title: 'Facts that cannot be read',
        description: 'Above 0, panels below are empty.',
        unit: 'short',
        queries: { unknown: 'count(min by (fact) (history_cdc_fact_known) == 0) or vector(0)' },
      },
    ],
  },
  {
    title: 'The stream',
    panels: [
      {
        kind: 'lines',
        title: 'Connector',
        description: '1 for the state of the connector.',
        unit: 'short',
        queries: { '{{state}}': 'max by (state) (history_cdc_connector_state)' },
      },
      {
        kind: 'lines',
        title: 'Slot',
        description: '1 for the state of the slot.',
        unit: 'short',
        queries: { '{{state}}': 'max by (state) (history_cdc_slot_state)' },
      },
      {
        kind: 'lines',
        title: 'WAL of the slot',
        description: 'What the server keeps, and its limit.',
        unit: 'bytes',
        queries: {
          kept: 'max(history_cdc_slot_retained_wal_bytes)',
          unconfirmed: 'max(history_cdc_slot_unconfirmed_wal_bytes)',
          limit: 'max(history_cdc_slot_wal_limit_bytes)',
        },
      },
    ],
  },
  {
    title: 'The projection',
    panels: [
      {
        kind: 'lines',
        title: 'Lag in seconds',
        description: 'Of the oldest record of each partition.',
        unit: 's',
        queries: { 'partition {{partition}}': 'max by (partition) (history_cdc_lag_seconds)' },
      },
      {
        kind: 'lines',
        title: 'Lag in records',
        description: 'Of each assigned partition.',
        unit: 'short',
        queries: { 'partition {{partition}}': 'sum by (partition) (history_cdc_lag_records)' },
      },
      {
        kind: 'lines',
        title: 'Records per second',
        description: 'By what became of them.',
        unit: 'short',
        queries: { '{{outcome}}': 'sum by (outcome) (rate(history_cdc_records_total[5m]))' },
      },
      {
        kind: 'lines',
        title: 'Time of a batch',
        description: 'In Postgres, retries included.',
        unit: 's',
        queries: {
          median:
            'histogram_quantile(0.5, sum by (le) (rate(history_cdc_batch_duration_seconds_bucket[5m])))',
          '99 %':
            'histogram_quantile(0.99, sum by (le) (rate(history_cdc_batch_duration_seconds_bucket[5m])))',
        },
      },
      {
        kind: 'lines',
        title: 'Failures per second',
        description: 'Retried transactions, failed sweeps.',
        unit: 'short',
        queries: {
          retries: 'sum(rate(history_cdc_transaction_retries_total[5m]))',
          sweeps: 'sum(rate(history_cdc_sweep_failures_total[5m]))',
        },
      },
      {
        kind: 'lines',
        title: 'Stages that stand still',
        description: '1: the stage before it moves.',
        unit: 'short',
        queries: { '{{stage}}': 'max by (stage) (history_cdc_stalled)' },
      },
    ],
  },
  {
    title: 'The rows',
    panels: [
      {
        kind: 'lines',
        title: 'Ledger',
        description: 'One decision per legacy row.',
        unit: 'short',
        queries: { '{{decision}}': 'max by (decision) (history_cdc_ledger_rows)' },
      },
      {
        kind: 'lines',
        title: 'Verification',
        description: 'Rows that were compared again.',
        unit: 'short',
        queries: { '{{rows}}': 'max by (rows) (history_cdc_verification_rows)' },
      },
      {
        kind: 'lines',
        title: 'What a person should look at',
        description: 'Stragglers, blocked twins, gaps.',
        unit: 'short',
        queries: {
          stragglers: 'max(history_cdc_stragglers)',
          'twins blocked': 'max(history_cdc_twins_blocked)',
          'gaps open': 'max(history_cdc_gaps_open)',
        },
      },
    ],
  },
  {
    title: 'The soak',
    panels: [
      {
        kind: 'lines',
        title: 'Conditions',
        description: '1: met or attested.',
        unit: 'short',
        queries: { '{{condition}}': 'max by (condition) (history_cdc_soak_condition_met)' },
      },
      {
        kind: 'lines',
        title: 'Incidents that stop a clock',
        description: 'Open, or not explained.',
        unit: 'short',
        queries: {
          '{{kind}}': 'sum by (kind) (max by (kind, state) (history_cdc_incidents{state=~"open|stops"}))',
        },
      },
      {
        kind: 'lines',
        title: 'Stage of the legacy table',
        description: '1 for the stage.',
        unit: 'short',
        queries: { '{{stage}}': 'max by (stage) (history_cdc_retirement_stage)' },
      },
    ],
  },
];
