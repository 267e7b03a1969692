import { createHash } from 'node:crypto';
import type { Pool } from '../../lib/postgres.ts';

/** In every text of the rows below: found in a log, it shows that a row's values are in the log. */
export const MARKER = 'marker-5b1f0c';

export const OWNER = `user_owner_${MARKER}`;
export const STRANGER = `user_stranger_${MARKER}`;

/** Contexts by what a run of OWNER in them is. */
export const CONTEXTS = {
  /** The owner's, and so are these two more agents. */
  shop: '00000000-0000-4000-8000-000000000001',
  /** Stored with another spelling than the one that the profile lists. */
  spelled: '00000000-0000-4000-8000-000000000002',
  media: '00000000-0000-4000-8000-000000000003',
  /** The owner's, whose compliance is not to be monitored. */
  optedOut: '00000000-0000-4000-8000-000000000004',
  /** Of the owner's organisation, whose profile does not list it. */
  unlisted: '00000000-0000-4000-8000-000000000005',
  /** Of an organisation whose profile lists it, and that OWNER is no member of. */
  foreign: '00000000-0000-4000-8000-000000000006',
} as const;

/** One organisation with its owner, another one, their agents, and rows of the canonical tables that must not change. */
export async function seedOrganisations(pool: Pool): Promise<void> {
  await pool.query(`
    INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email) VALUES
      ('${OWNER}', 'org_a', 'a@example.com'), ('${STRANGER}', 'org_b', 'b@example.com');
    INSERT INTO member_profiles (workos_organization_id, display_name, agents) VALUES
      ('org_a', 'A', '[{"url": "https://shop.example/mcp"}, {"url": "https://spelled.example/a2a"}, {"url": "https://opted-out.example"},
                       {"url": "https://media.example/mcp/"}, "https://unlisted.example", {"url": 5}, null]'),
      ('org_a', 'A again', '{"url": "https://unlisted.example"}'),
      ('org_b', 'B', '[{"url": "https://foreign.example/mcp"}]');
    INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES
      ('${CONTEXTS.shop}', 'org_a', 'https://shop.example/mcp'),
      ('${CONTEXTS.spelled}', 'org_a', ' HTTPS://Spelled.example/A2A// '),
      ('${CONTEXTS.media}', 'org_a', 'https://media.example/mcp'),
      ('${CONTEXTS.optedOut}', 'org_a', 'https://opted-out.example'),
      ('${CONTEXTS.unlisted}', 'org_a', 'https://unlisted.example'),
      ('${CONTEXTS.foreign}', 'org_b', 'https://foreign.example/mcp');
    INSERT INTO agent_registry_metadata (agent_url, lifecycle_stage, compliance_opt_out) VALUES
      ('https://shop.example/mcp', 'testing', false), ('https://opted-out.example', 'production', true);
    INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by, dry_run) VALUES
      ('https://shop.example/mcp', 'testing', 'partial', 'heartbeat', false), ('https://foreign.example/mcp', 'production', 'passing', 'webhook', true);
    INSERT INTO agent_compliance_status (agent_url, status, headline) VALUES ('https://shop.example/mcp', 'degraded', 'as it was')`);
}

const INSERT_RUNS = `
  INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
                                  dry_run, brief, triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
  SELECT ($3::uuid[])[1 + n % cardinality($3::uuid[])], CASE n % 3 WHEN 0 THEN 'quality_evaluation' ELSE 'storyboard:' || n END,
         n % 4 <> 0, n % 10, n % 3, nullif(n % 50, 0) * 100, CASE WHEN n % 6 <> 0 THEN '${MARKER} – run ' || n END,
         CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END, 'brief ${MARKER}', 'user',
         CASE n % 8 WHEN 5 THEN '${STRANGER}' WHEN 6 THEN NULL WHEN 7 THEN ' ' ELSE '${OWNER}' END,
         CASE n % 4
           WHEN 0 THEN jsonb_build_array(jsonb_build_object('step', n))
           WHEN 1 THEN jsonb_build_array(jsonb_build_object('scenario', 'a/1', 'passed', n % 3 = 0), jsonb_build_object('scenario', 'a/2', 'passed', true))
           WHEN 2 THEN jsonb_build_object('tracks', jsonb_build_array(jsonb_build_object('scenarios', jsonb_build_array(
                         jsonb_build_object('scenario', 'b/1', 'overall_passed', false, 'steps', '[{"passed": true}, {"passed": false}]'::jsonb)))))
         END,
         CASE WHEN n % 5 <> 0 THEN jsonb_build_object('note', '${MARKER}', 'n', n, 'exact', 12345678901234567890 + n, 'one', 1.0) END,
         '2026-01-01 00:00:00.000001+00'::timestamptz + n * interval '1 minute 7 microseconds', now()
  FROM generate_series($1::integer, $2::integer) AS n`;

/** Ordinary runs, one for each number: owners' and strangers', with and without the values that may be missing. */
export async function insertRuns(pool: Pool, first: number, last: number): Promise<void> {
  await pool.query(INSERT_RUNS, [first, last, Object.values(CONTEXTS)]);
}

/** A row with a story of its own. */
export interface Story {
  readonly id: string;
  readonly context?: string;
  readonly user?: string;
  readonly startedAt?: string;
  /** As JSON text, kept to the letter where jsonb keeps it. */
  readonly profile?: string;
  readonly summary?: string;
}

/** An owner's run, but for what the story says; its dry_run is NULL. */
export async function insertStory(pool: Pool, { id, context, user, ...values }: Story): Promise<void> {
  await pool.query(
    `INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, summary, user_id,
                                     agent_profile_json, started_at, dry_run)
     VALUES ($1, $2, 'storyboard:story', true, 3, 2147483647, $3, $4, $5::jsonb, $6, NULL)`,
    [
      id,
      context ?? CONTEXTS.shop,
      values.summary ?? null,
      user ?? OWNER,
      values.profile ?? null,
      values.startedAt ?? '2026-05-01 10:00:00.123456+00',
    ],
  );
}

/** A profile of 12 kB that does not compress: Postgres stores it out of line, so an update of another column leaves it out. */
export function largeProfile(seed: string): string {
  const noise = Array.from({ length: 270 }, (_, n) =>
    createHash('sha256')
      .update(`${seed}/${String(n)}`)
      .digest('base64'),
  );
  return JSON.stringify({ seed, noise: noise.join('') });
}
