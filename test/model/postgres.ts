import type pg from 'pg';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import type { Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import type { RowValues } from '../support/records.ts';
import {
  LEGACY_ROW,
  legacyValues,
  LIVE_ROW,
  liveValues,
  RESET,
  type LiveValues,
} from '../support/table-rows.ts';
import type { Engine, LiveWrite, Observed, Setup } from './engine.ts';
import type { Connection } from './scheduler.ts';

/** Sessions of both partitions and their zombies, replays, a sweep, retention, live transactions, and the observer. */
const CONNECTIONS = 24;

const CONTEXTS = `
  INSERT INTO public.agent_contexts (id, organization_id, agent_url)
  SELECT c.id, c."organizationId", c."agentUrl"
  FROM jsonb_to_recordset($1) AS c (id uuid, "organizationId" text, "agentUrl" text)`;
const PROFILES = `
  INSERT INTO public.member_profiles (workos_organization_id, display_name, agents)
  SELECT c."organizationId", 'Members', jsonb_build_array(jsonb_build_object('url', c."agentUrl"))
  FROM jsonb_to_recordset($1) AS c ("organizationId" text, "agentUrl" text, "isListed" boolean) WHERE c."isListed"`;
const REGISTERED = `
  INSERT INTO public.agent_registry_metadata (agent_url, lifecycle_stage, compliance_opt_out)
  SELECT c."agentUrl", 'production', c."isOptedOut"
  FROM jsonb_to_recordset($1) AS c ("agentUrl" text, "isOptedOut" boolean)`;
const MEMBERS = `
  INSERT INTO public.organization_memberships (workos_user_id, workos_organization_id, email)
  SELECT m."userId", m."organizationId", 'member@member.example'
  FROM jsonb_to_recordset($1) AS m ("userId" text, "organizationId" text)`;

/** Everything that is committed, under the names of the model. */
const OBSERVE = `
  WITH us AS (SELECT 1000000 AS a_second)
  SELECT
    (SELECT coalesce(json_agg(json_build_object(
       'legacyId', legacy_id, 'decision', decision, 'reason', reason, 'runId', canonical_run_id,
       'contextId', agent_context_id, 'userId', user_id, 'organizationId', organization_id, 'agentUrl', agent_url,
       'isMember', is_member, 'listsAgent', lists_agent, 'topicId', topic_id, 'partition', partition,
       'offset', "offset", 'op', op, 'snapshot', snapshot,
       'startedAtUs', (extract(epoch FROM started_at) * us.a_second)::bigint,
       'fingerprint', fingerprint, 'profileHash', profile_hash, 'isDeleted', source_deleted_at IS NOT NULL)
       ORDER BY legacy_id), '[]') FROM history_cdc.ledger) AS ledger,
    (SELECT coalesce(json_agg(json_build_object(
       'id', id, 'agentUrl', agent_url, 'lifecycleStage', lifecycle_stage, 'overallStatus', overall_status,
       'headline', headline, 'durationMs', total_duration_ms,
       'testedAtUs', (extract(epoch FROM tested_at) * us.a_second)::bigint,
       'tracksPassed', tracks_passed, 'tracksFailed', tracks_failed, 'profile', agent_profile_json::text,
       'observations', observations_json, 'dryRun', dry_run, 'organizationId', triggered_org_id)
       ORDER BY id), '[]') FROM public.agent_compliance_runs) AS runs,
    (SELECT coalesce(json_agg(json_build_object('legacyId', legacy_id, 'hasRun', agent_url IS NOT NULL)
       ORDER BY legacy_id), '[]') FROM history_cdc.unsettled_twin) AS unsettled,
    (SELECT coalesce(json_agg(json_build_object(
       'topicId', topic_id, 'partition', partition, 'nextOffset', next_offset, 'epoch', epoch,
       'streamedUntilUs', (extract(epoch FROM streamed_until) * us.a_second)::bigint)
       ORDER BY partition), '[]') FROM history_cdc.consumer_offset) AS offsets,
    (SELECT coalesce(json_agg(legacy_id ORDER BY legacy_id), '[]')
     FROM history_cdc.quarantine WHERE healed_at IS NULL AND legacy_id IS NOT NULL) AS quarantined
  FROM us`;

const JOIN = `
  INSERT INTO public.organization_memberships (workos_user_id, workos_organization_id, email)
  VALUES ($1, $2, 'member@member.example') ON CONFLICT DO NOTHING`;
const DELETE_LEGACY = 'DELETE FROM public.agent_test_history WHERE id = $1';

/** Rows of the legacy table whose decision was taken on other values than they have. */
const DIFFERING = `
  SELECT l.legacy_id
  FROM history_cdc.ledger l
  JOIN public.agent_test_history h ON h.id = l.legacy_id
  WHERE l.decision <> 'quarantined'
    AND l.content_hash IS DISTINCT FROM history_cdc.content_hash(
      h.agent_context_id, h.scenario, h.overall_passed, h.steps_passed, h.steps_failed, h.total_duration_ms,
      h.summary, h.dry_run, h.user_id, h.agent_profile_json::text, h.started_at, NULL)`;

/** By the lock table itself: what was let go of is not in it any more when the COMMIT has answered. */
const BLOCKED = 'SELECT pid FROM unnest($1::integer[]) AS pid WHERE cardinality(pg_blocking_pids(pid)) > 0';

/** A database of its own in the test's Postgres. */
export class PostgresEngine implements Engine {
  readonly #open: OpenDatabase;

  private constructor(open: OpenDatabase) {
    this.#open = open;
  }

  static async open(): Promise<PostgresEngine> {
    return new PostgresEngine(await openMigratedDatabase(CONNECTIONS));
  }

  async close(): Promise<void> {
    await this.#open.close();
  }

  get pool(): Pool {
    return this.#open.pool;
  }

  async reset({ topicId, partitions, contexts, members }: Setup): Promise<void> {
    await this.pool.query(RESET);
    for (const statement of [CONTEXTS, PROFILES, REGISTERED])
      await this.pool.query(statement, [JSON.stringify(contexts)]);
    await this.pool.query(MEMBERS, [JSON.stringify(members)]);
    await registerTopic(this.pool, { topicId, name: 'topic', partitions }, false);
  }

  async blocked(connections: readonly Connection[]): Promise<ReadonlySet<Connection>> {
    const byPid = new Map(connections.map((connection) => [pidOf(connection), connection]));
    const { rows } = await this.pool.query<{ pid: number }>(BLOCKED, [[...byPid.keys()]]);
    return new Set(rows.flatMap(({ pid }) => byPid.get(pid) ?? []));
  }

  async join(userId: string, organizationId: string): Promise<void> {
    await this.pool.query(JOIN, [userId, organizationId]);
  }

  async writeLegacy(row: RowValues): Promise<void> {
    await this.deleteLegacy(row.id);
    await this.pool.query(LEGACY_ROW, legacyValues(row));
  }

  async deleteLegacy(legacyId: string): Promise<void> {
    await this.pool.query(DELETE_LEGACY, [legacyId]);
  }

  async beginLive(row: LiveValues): Promise<LiveWrite> {
    const client = await this.pool.connect();
    await client.query('BEGIN');
    await client.query(LIVE_ROW, liveValues(row));
    const end = async (how: 'COMMIT' | 'ROLLBACK') => {
      await client.query(how);
      client.release();
    };
    return { commit: () => end('COMMIT'), abort: () => end('ROLLBACK') };
  }

  async differing(): Promise<string[]> {
    const { rows } = await this.pool.query<{ legacy_id: string }>(DIFFERING);
    return rows.map(({ legacy_id }) => legacy_id);
  }

  async observe(): Promise<Observed> {
    const { rows } = await this.pool.query<Observed>(OBSERVE);
    const [observed] = rows;
    if (observed === undefined) throw new Error('an observation gave no row');
    return observed;
  }
}

function pidOf(connection: Connection): number {
  // Its type does not have it, and its documentation does.
  return (connection as unknown as pg.PoolClient & { readonly processID: number }).processID;
}
