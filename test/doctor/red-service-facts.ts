import type { SnapshotRun } from '../../operations/facts/snapshot-runs.ts';
import { decided, doneSweep, failedSweep, healthyFacts, verdict, verification, webhook } from './healthy.ts';
import { openGap } from './open-gap.ts';
import { beat, type Patch, type Red } from './patched.ts';

const { topics } = healthyFacts();
const waiting = { marks: new Map([[0, { low: 0n, high: 30n }]]) };
export const FAILED_RUN: SnapshotRun = {
  ...{ id: 'a', state: 'failed', startedAtMs: 0, movedAtMs: 0, steps: [], last: null, rowsTotal: null },
  ...{ scan: 'SQL_EXCEPTION', pauseForgotten: false },
};
/** Incremental snapshots that Debezium has told of. */
export const runs = (...all: readonly SnapshotRun[]): Patch => ({
  observed: { history: { initial: 'completed', runs: all } },
});
const hourAgo = new Date(Date.now() - 3_600_000);
// A text that is the same however long the tests before took.
const tenDaysAgo = new Date(Date.now() - 10.25 * 86_400_000);

/** Kafka, Connect, the stream, the registry and the canonical database. */
export const RED_SERVICES: readonly Red[] = [
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(0, 3) } }, 'stands still for good'],
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(1) } }, 'the history in it is gone'],
  ['topic-settings', 'failed', topic({ partitions: 3 }), 'partitions is 3, must be 4'],
  ['topic-settings', 'failed', topic({ config: { 'retention.ms': '1000' } }), 'retention.ms is 1000'],
  ['topic-settings', 'failed', topic({ config: { 'compression.type': 'zstd' } }), 'compression.type is zstd'],
  [
    'topic-settings',
    'failed',
    topic({ config: { 'cleanup.policy': 'compact' } }),
    'cleanup.policy is compact',
  ],
  ['topic-settings', 'failed', topic({ config: { 'max.message.bytes': '1' } }), 'max.message.bytes is 1'],
  ['topic-settings', 'failed', risky('min.insync.replicas', '2'), 'min.insync.replicas is 2 with 1 cop'],
  ['topic-settings', 'warning', risky('min.insync.replicas', '2', 2), 'while one broker is away'],
  ['topic-settings', 'warning', risky('min.insync.replicas', '1', 3), 'min.insync.replicas is 1'],
  [
    'topic-settings',
    'warning',
    risky('unclean.leader.election.enable', 'true'),
    'unclean.leader.election.enable is true',
  ],
  [
    'topic-settings',
    'warning',
    risky('message.timestamp.type', 'LogAppendTime'),
    'message.timestamp.type is LogAppendTime',
  ],
  [
    'topic-replicas',
    'failed',
    { topics: { replicas: [{ name: 'x', copies: 3, inSync: 3, leaderless: 1 }] } },
    'without a leader: x',
  ],
  [
    'topic-replicas',
    'warning',
    { topics: { replicas: [{ name: 'x', copies: 3, inSync: 2, leaderless: 0 }] } },
    'lag: x',
  ],
  ['largest-row', 'failed', { largestRow: { bytes: 20_000_000 } }, 'its task will fail'],
  ['largest-row', 'warning', { largestRow: { bytes: 9_000_000, sample: 5 } }, 'a sample of 5.0 %'],
  ['connect-version', 'failed', { worker: { version: '3.5.2' } }, '3.5.2'],
  ['connect-cluster', 'failed', { worker: { kafkaClusterId: 'other' } }, 'the cluster other'],
  ['connect-plugin', 'failed', { plugins: [] }, 'PostgresConnector'],
  ['connector-exists', 'failed', { connector: { config: undefined } }, 'its topics are there'],
  [
    'connector-drift',
    'failed',
    { connector: { config: { ...healthyFacts().connector.config, 'tasks.max': '2', extra: 'x' } } },
    'tasks.max differs, extra is not ours',
  ],
  [
    'connector-tasks',
    'failed',
    {
      connector: {
        status: {
          connector: { state: 'RUNNING' },
          tasks: [{ id: 0, state: 'FAILED', trace: 'x.Y: no\n\tat z' }],
        },
      },
    },
    'task 0 FAILED: x.Y: no',
  ],
  [
    'connector-tasks',
    'failed',
    {
      connector: {
        status: {
          connector: { state: 'RUNNING' },
          tasks: [
            { id: 0, state: 'FAILED', trace: 'x.Y: no\nCaused by: a.b.RecordTooLargeException: 22 MB' },
          ],
        },
      },
    },
    'RecordTooLargeException',
  ],
  [
    'connector-tasks',
    'failed',
    { connector: { status: { connector: { state: 'RUNNING' }, tasks: [] } } },
    'no task',
  ],
  ['heartbeat-arrives', 'failed', beat(tenDaysAgo), '10 days ago'],
  ['heartbeat-arrives', 'failed', { observed: { heartbeat: undefined } }, 'no heartbeat ever came'],
  ['heartbeat-arrives', 'failed', beat(hourAgo), 'connector and task say RUNNING'],
  [
    'initial-snapshot',
    'failed',
    { observed: { history: { initial: 'skipped', runs: [] } } },
    'the history may be missing',
  ],
  ['initial-snapshot', 'warning', { observed: { history: { initial: 'running', runs: [] } } }, 'under way'],
  ['topic-identity', 'failed', { dataTopic: { topicId: 'new' } }, 'deleted and made again'],
  ['topic-identity', 'failed', { dataTopic: { partitions: 8 } }, 'keys moved'],
  ['offsets-in-range', 'failed', { dataTopic: { marks: new Map([[0, { low: 11n, high: 12n }]]) } }, '0: 10'],
  ['continuity', 'failed', { continuity: { gaps: [openGap] } }, 'gap 3 (slot) since 1970-01-01'],
  ['snapshot', 'failed', runs(FAILED_RUN), 'failed'],
  [
    'group-ours',
    'failed',
    { strangers: [{ clientId: 'console-consumer', host: '10.0.0.9' }] },
    'console-consumer at 10.0.0.9',
  ],
  ['projector-runs', 'failed', { projectors: 0, dataTopic: waiting }, '20 records wait'],
  ['lag-late', 'warning', { oldestSeconds: 61, dataTopic: waiting }, 'it is catching up'],
  ['quarantine-empty', 'failed', { quarantine: { open: 3, waived: 0 } }, '3 records wait'],
  [
    'verification',
    'failed',
    { verification: verification({ wrong: 2, kinds: { different: 2 } }) },
    'different 2',
  ],
  [
    'retirement-stage',
    'failed',
    { retirement: { stage: 'fenced' } },
    'the fence is not whole: there is none',
  ],
  ['retirement-stage', 'failed', { retirement: { stage: 'dropped' } }, 'made one again'],
  ['webhook-delivered', 'warning', { webhook: webhook({ givenUp: 2, failure: 'status 500' }) }, 'status 500'],
  [
    'webhook-delivered',
    'warning',
    { webhook: webhook({ waiting: 1, oldestSeconds: 121 }) },
    '1 messages wait',
  ],
  ['verification', 'warning', { verification: verification({ lastPass: null }) }, 'first pass'],
  ['verdict', 'failed', { verdicts: { last: verdict({ verdict: 'wrong' }), before: [] } }, 'what is wrong'],
  ['verdict', 'warning', { verdicts: { last: verdict({ stale: 'it is old' }), before: [] } }, 'it is old'],
  [
    'rows-counted',
    'warning',
    {
      legacyRows: 1_001,
      projection: { offsets: [{ topicId: 't', partition: 0, nextOffset: '10', secondsAgo: 30 }] },
    },
    '1 rows more',
  ],
  [
    'deciding-settings',
    'failed',
    { decidingSettings: { MATCH_WINDOW_SECONDS: '10' } },
    'MATCH_WINDOW_SECONDS is 120 here, and 10 in the ledger',
  ],
  ['stragglers', 'warning', { decisions: [{ ...decided('projected', 1_000), stragglers: 2 }] }, '2 owners'],
  [
    'twins-blocked',
    'warning',
    { decisions: [{ ...decided('projected', 1_000), blocked: 2 }] },
    '2 live rows',
  ],
  ['sweeper-late', 'warning', { twins: { unsettled: 3, due: 2, overdue: 1 } }, '1 twins should'],
  ['sweep-failed', 'warning', { sweeps: { done: doneSweep(30), failed: failedSweep(15) } }, '57014'],
  [
    'projector-moves',
    'failed',
    {
      dataTopic: { marks: new Map([[0, { low: 0n, high: 30n }]]) },
      projection: { offsets: [{ topicId: 't', partition: 0, nextOffset: '10', secondsAgo: 300 }] },
    },
    '20 records behind, last commit 5 min ago',
  ],
  [
    'registry-schemas',
    'failed',
    { registry: { schemas: [{ subject: 's', there: true, problem: 'no summary' }] } },
    's: no summary',
  ],
  [
    'registry-schemas',
    'failed',
    { registry: { schemas: [{ subject: 's', there: false, problem: undefined }] } },
    'lost its schemas',
  ],
  ['canonical-server', 'failed', { canonical: { inRecovery: true } }, 'standby'],
  ['canonical-server', 'failed', { canonical: { mayWrite: false } }, 'default_transaction_read_only'],
  [
    'canonical-rows-visible',
    'failed',
    { canonicalHidden: [{ place: 'public.member_profiles', role: 'p', why: 'policies' }] },
    'row-level security on public.member_profiles applies to the role p',
  ],
  [
    'legacy-rows-visible',
    'failed',
    { legacyHidden: [{ place: 'public.agent_test_history', role: 'c', why: 'policies' }] },
    'row-level security on public.agent_test_history applies to the role c',
  ],
  ['canonical-tables', 'failed', { canonical: { missing: ['table public.x'] } }, 'table public.x'],
  ['canonical-index', 'warning', { canonical: { runsByAgent: false } }, 'whole table'],
  [
    'ledger-schema',
    'failed',
    { ledgerSchema: { kind: 'outdated', why: 'lacks 7', wayOut: 'run `history-cdc migrate`' } },
    'lacks 7',
  ],
  ['unique-keys', 'failed', { missingKeys: ['history_cdc.ledger (canonical_run_id)'] }, 'canonical_run_id'],
  [
    'projector-grants',
    'failed',
    {
      projectorRole: {
        missing: [{ place: 'public.agent_contexts', privilege: 'SELECT', columns: ['id'] }],
        missingOnSchema: ['USAGE ON SCHEMA history_cdc'],
      },
    },
    'USAGE ON SCHEMA history_cdc; SELECT (id) ON public.agent_contexts',
  ],
  [
    'projector-excess',
    'warning',
    { projectorRole: { rights: { ...healthyFacts().projectorRole.rights, attributes: ['SUPERUSER'] } } },
    'SUPERUSER',
  ],
  ['clock-legacy', 'warning', { legacyClock: { aheadSeconds: 60 } }, '60.0 s ahead'],
  ['clock-canonical', 'warning', { canonicalClock: { aheadSeconds: -60 } }, '60.0 s behind'],
  ['clock-connect', 'warning', { connectClock: { aheadSeconds: 7 } }, '7.0 s ahead'],
];

/** The data topic with something otherwise. */
function topic(change: { partitions?: number; config?: Record<string, string> }): Patch {
  const [data, ...others] = topics.there;
  if (data === undefined) throw new Error('there is no topic');
  const there = [{ ...data, ...change, config: { ...data.config, ...change.config } }, ...others];
  return { topics: { there } };
}

/** The data topic with a setting that the cluster gave it, and so many copies of each topic. */
function risky(setting: string, value: string, copies = 1): Patch {
  const replicas = topics.replicas.map((one) => ({ ...one, copies, inSync: copies }));
  const [data, ...others] = topics.there;
  if (data === undefined) throw new Error('there is no topic');
  return {
    topics: { there: [{ ...data, config: { ...data.config, [setting]: value } }, ...others], replicas },
  };
}
