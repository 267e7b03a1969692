/** A database in which every condition of `soak` holds, to break them one at a time. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { loadConfig, type ConfigWith } from '../../lib/config.ts';
import { RELEASE } from '../../lib/release.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { withServices } from '../../operations/facts/services.ts';
import type { SoakDays } from '../../operations/soak/facts.ts';
import type { StreamAnswers } from '../../operations/soak/seen-until.ts';
import { lookAtSoak, type SoakReport } from '../../operations/soak/soak.ts';
import type { Condition, ConditionId } from '../../operations/soak/condition.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

export const TOPIC = '6f1f9f0e-0f6c-4b6e-9d53-0f8f0b3f6a11';
const LIVE = `INSERT INTO public.agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by, dry_run, tested_at)
  VALUES ('https://a.example/mcp', 'production', 'passing', 'owner_test', false, now() - $1::interval)`;
const ARRANGE = [
  `INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES ('${TOPIC}', 'topic', 2)`,
  `INSERT INTO history_cdc.consumer_offset
     (topic_id, partition, next_offset, epoch, projector, watched_since, watched_epoch, streamed_until)
   SELECT '${TOPIC}', p, 10, 3, 'test', now() - interval '20 days', 3, now() FROM generate_series(0, 1) AS p`,
  `INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, verdict, finished_at)
   VALUES (${String(RULE_VERSION)}, '${RELEASE}', 'done', 'proven', now())`,
  `INSERT INTO history_cdc.attestation (performed_by, condition, since, note) VALUES
     ('Ada', 'reading-canonical', now() - interval '8 days', 'dashboards'), ('Ada', 'third-party-plan', now() - interval '1 day', 'audit log')`,
  `INSERT INTO history_cdc.archive (id, performed_by, target) VALUES ('${TOPIC}', 'Ada', '/archive')`,
  `INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows, snapshot_at, snapshot_lsn)
   VALUES ('${TOPIC}', 'Ada', 'verified', '\\x01', 1, now() - interval '1 minute', '0/1000')`,
  `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", lsn, op, snapshot,
     started_at, decided_at)
   VALUES (gen_random_uuid(), 'third_party', 'not_owner', 2, '${TOPIC}', 0, 1, '0/1', 'c', false, now() - interval '20 days', now() - interval '20 days')`,
] as const;

/** The stream as it is seen: its heartbeat came just now, and nothing waits. */
export function aliveStream(at = new Date()): StreamAnswers {
  const known = <T>(value: T) => ({ known: true as const, value });
  const marks = new Map([0, 1].map((partition) => [partition, { low: 0n, high: 10n }] as const));
  return {
    observed: known({
      history: { runs: [] },
      heartbeat: { beatAt: at, arrivedAt: at, streamed: true },
      beats: 1,
    }),
    dataTopic: known({ topicId: TOPIC, marks }),
    projection: known({
      topics: [{ topicId: TOPIC, name: 'topic', partitions: 2 }],
      offsets: [0, 1].map((partition) => ({ topicId: TOPIC, partition, nextOffset: '10', secondsAgo: 1 })),
    }),
    oldestSeconds: known(0),
  } as unknown as StreamAnswers;
}

export interface Soaked {
  readonly url: string;
  execute(sql: string, ...values: unknown[]): Promise<void>;
  rows<T extends object>(sql: string, ...values: unknown[]): Promise<T[]>;
  look(options?: LookOptions): Promise<SoakReport>;
  condition(id: ConditionId, options?: LookOptions): Promise<Condition>;
  /** An owner's projected run in the ledger. */
  owners(values: Partial<OwnersRow>): Promise<string>;
  live(ago: string): Promise<void>;
}

interface LookOptions {
  readonly stream?: StreamAnswers;
  readonly days?: SoakDays;
}

interface OwnersRow {
  readonly reason: string;
  readonly startedAgo: string;
  readonly decidedAgo: string;
  readonly snapshot: boolean;
}

const OWNERS = `
  INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, agent_url, is_member, lists_agent,
    topic_id, partition, "offset", op, snapshot, started_at, decided_at)
  VALUES ($1, 'projected', $2, gen_random_uuid(), 2, 'https://a.example/mcp', true, true, '${TOPIC}', 0, 5,
    CASE WHEN $5 THEN 'r' ELSE 'c' END, $5, now() - $3::interval, now() - $4::interval)`;

const APPEND_ONLY = [
  'stage',
  'incident',
  'incident_event',
  'attestation',
  'archive',
  'archive_event',
  'action',
];
const RESET = `
  DELETE FROM public.agent_compliance_runs; DELETE FROM history_cdc.legacy_write; DELETE FROM history_cdc.legacy_reading;
  DELETE FROM history_cdc.soak_look; DELETE FROM history_cdc.quarantine; DELETE FROM history_cdc.ledger;
  DELETE FROM history_cdc.reconcile_finding; DELETE FROM history_cdc.reconcile_run; DELETE FROM history_cdc.gap;
  DELETE FROM history_cdc.incident_event; DELETE FROM history_cdc.incident; DELETE FROM history_cdc.archive_event;
  DELETE FROM history_cdc.archive; DELETE FROM history_cdc.attestation; DELETE FROM history_cdc.stage;
  DELETE FROM history_cdc.action; DELETE FROM history_cdc.consumer_offset; DELETE FROM history_cdc.topic`;

export function useSoaked(): () => Soaked {
  let open: OpenDatabase | undefined;
  let soaked: Soaked | undefined;
  beforeAll(async () => {
    open = await openMigratedDatabase(2);
    soaked = soakedOf(open);
    // Only so that one database serves every test of a file.
    for (const table of APPEND_ONLY)
      await soaked.execute(`ALTER TABLE history_cdc.${table} DISABLE TRIGGER append_only`);
  });
  beforeEach(async () => {
    const database = mine();
    await open?.pool.query(RESET);
    for (const statement of ARRANGE) await database.execute(statement);
    for (const ago of ['20 days', '1 hour']) await database.live(ago);
    // The first look takes the first sample of the counters.
    await database.look();
    await database.execute(`UPDATE history_cdc.legacy_reading SET changed_at = now() - interval '8 days'`);
  });
  afterAll(async () => {
    await open?.close();
  });
  const mine = (): Soaked => {
    if (soaked === undefined) throw new Error('no database yet');
    return soaked;
  };
  return mine;
}

function configOf(url: string): ConfigWith<'DATABASE_URL'> {
  return loadConfig({ DATABASE_URL: url, LOG_LEVEL: 'silent' }, undefined, ['DATABASE_URL']);
}

function soakedOf({ database: { url }, pool }: OpenDatabase): Soaked {
  const look = ({ stream = aliveStream(), days }: LookOptions = {}) => {
    const config = configOf(url);
    return withServices(config, { name: 'test', bounds: 'work' }, (services) =>
      lookAtSoak(services, config, {
        by: 'test',
        stream: () => Promise.resolve(stream),
        ...(days !== undefined && { days }),
      }),
    );
  };
  return {
    url,
    look,
    execute: async (sql, ...values) => {
      await pool.query(sql, values);
    },
    rows: async <T extends object>(sql: string, ...values: unknown[]) =>
      (await pool.query<T>(sql, values)).rows,
    condition: async (id, options) => {
      const found = (await look(options)).conditions.find((one) => one.id === id);
      if (found === undefined) throw new Error(`no condition ${id}`);
      return found;
    },
    owners: async ({ reason = 'owner', startedAgo = '1 day', decidedAgo = '1 day', snapshot = false }) => {
      const id = randomUUID();
      await pool.query(OWNERS, [id, reason, startedAgo, decidedAgo, snapshot]);
      return id;
    },
    live: async (ago) => {
      await pool.query(LIVE, [ago]);
    },
  };
}
