import { healthyFacts } from './healthy.ts';
import { openGap } from './open-gap.ts';
import { beat, type Patch, type Red } from './patched.ts';

const { topics } = healthyFacts();
const hourAgo = new Date(Date.now() - 3_600_000);

/** Kafka, Connect, the stream, the registry and the canonical database. */
export const RED_SERVICES: readonly Red[] = [
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(0, 3) } }, 'stands still for good'],
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(1) } }, 'the history in it is gone'],
  ['topic-partitions', 'failed', topic({ partitions: 3 }), 'partitions is 3, must be 4'],
  ['topic-retention', 'failed', topic({ config: { 'retention.ms': '1000' } }), 'retention.ms is 1000'],
  [
    'topic-compression',
    'failed',
    topic({ config: { 'compression.type': 'zstd' } }),
    'compression.type is zstd',
  ],
  [
    'topic-cleanup',
    'failed',
    topic({ config: { 'cleanup.policy': 'compact' } }),
    'cleanup.policy is compact',
  ],
  [
    'topic-message-limit',
    'failed',
    topic({ config: { 'max.message.bytes': '1' } }),
    'max.message.bytes is 1',
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
    { connector: { status: { connector: { state: 'RUNNING' }, tasks: [] } } },
    'no task',
  ],
  ['heartbeat-arrives', 'failed', beat(hourAgo), '60 min ago'],
  ['heartbeat-arrives', 'failed', { proof: { heartbeat: undefined } }, 'none ever came'],
  ['task-moves', 'failed', beat(hourAgo), 'RUNNING, and nothing comes through'],
  ['initial-snapshot', 'failed', { proof: { snapshot: 'skipped' } }, 'the history may be missing'],
  ['initial-snapshot', 'warning', { proof: { snapshot: 'running' } }, 'under way'],
  ['topic-identity', 'failed', { dataTopic: { topicId: 'new' } }, 'deleted and made again'],
  ['topic-identity', 'failed', { dataTopic: { partitions: 8 } }, 'keys moved'],
  ['offsets-in-range', 'failed', { dataTopic: { marks: new Map([[0, { low: 11n, high: 12n }]]) } }, '0: 10'],
  ['gaps', 'failed', { gaps: [openGap] }, 'gap 3 (slot) since 1970-01-01'],
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
  ['quarantine-empty', 'warning', { projection: { quarantined: 3 } }, '3 open'],
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
