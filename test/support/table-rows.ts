import type { RowValues } from './records.ts';

/** Empties every table that a test may have filled. */
export const RESET = `
  DELETE FROM public.agent_compliance_step_diagnostics; DELETE FROM public.agent_compliance_runs;
  DELETE FROM public.agent_compliance_status; DELETE FROM public.agent_test_history;
  DELETE FROM public.agent_contexts; DELETE FROM public.member_profiles;
  DELETE FROM public.organization_memberships; DELETE FROM public.agent_registry_metadata;
  DELETE FROM history_cdc.ledger; DELETE FROM history_cdc.quarantine; DELETE FROM history_cdc.script_copy;
  DELETE FROM history_cdc.key_change; DELETE FROM history_cdc.unsettled_twin; DELETE FROM history_cdc.undone; DELETE FROM history_cdc.agent_spelling;
  DELETE FROM history_cdc.consumer_offset; DELETE FROM history_cdc.topic; DELETE FROM history_cdc.deciding_settings`;

/**
 * Rows that no projection has any business with: a live run with diagnostics, a heartbeat's run, the earlier script's
 * copy of another row, a canonical row of ours with its decision, current verdicts, and an agent of somebody else.
 */
export const BYSTANDERS = `
  INSERT INTO public.agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, headline, triggered_by,
                                            dry_run, triggered_org_id, observations_json, tested_at)
  VALUES
    ('b0000000-0000-4000-8000-000000000001', 'https://bystander.example/mcp', 'production', 'partial', 'live run',
     'owner_test', false, 'org_bystander', NULL, '2026-01-01T00:00:00Z'),
    ('b0000000-0000-4000-8000-000000000002', 'https://bystander.example/mcp', 'production', 'passing', 'heartbeat',
     'heartbeat', false, NULL, '{"note": 1.0}', '2026-01-02T00:00:00Z'),
    ('b0000000-0000-4000-8000-000000000003', 'https://bystander.example/mcp', 'production', 'failing', 'copied',
     'owner_test', true, 'org_bystander',
     '{"backfill_source": "agent_test_history", "backfill_source_id": "c0000000-0000-4000-8000-000000000003",
       "backfill_script": "backfill-owner-test-history"}', '2025-12-01T00:00:00Z'),
    ('b0000000-0000-4000-8000-000000000004', 'https://bystander.example/mcp', 'production', 'failing', 'ours',
     'owner_test', true, 'org_bystander',
     '{"backfill_source": "agent_test_history", "backfill_source_id": "c0000000-0000-4000-8000-000000000004",
       "backfill_script": "history-cdc"}', '2025-12-02T00:00:00Z');
  INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
  VALUES ('b0000000-0000-4000-8000-000000000001', 'storyboard', 'step', false);
  INSERT INTO public.agent_compliance_status (agent_url, status, streak_days, headline, updated_at)
  VALUES ('https://bystander.example/mcp', 'passing', 12, 'all is well', '2026-01-01T00:00:00Z');
  INSERT INTO public.agent_contexts (id, organization_id, agent_url)
  VALUES ('d0000000-0000-4000-8000-000000000001', 'org_bystander', 'https://bystander.example/mcp');
  INSERT INTO public.member_profiles (workos_organization_id, display_name, slug, agents)
  VALUES ('org_bystander', 'Bystander', 'bystander', '[{"url": "https://bystander.example/mcp"}]');
  INSERT INTO public.organization_memberships (workos_user_id, workos_organization_id, email)
  VALUES ('user_bystander', 'org_bystander', 'bystander@bystander.example');
  INSERT INTO history_cdc.script_copy (canonical_run_id, legacy_id)
  VALUES ('b0000000-0000-4000-8000-000000000003', 'c0000000-0000-4000-8000-000000000003');
  INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, is_member, lists_agent,
                                  topic_id, partition, "offset", op, snapshot)
  VALUES ('c0000000-0000-4000-8000-000000000004', 'projected', 'owner', 'b0000000-0000-4000-8000-000000000004', 1,
          true, true, '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10', 0, 0, 'r', true)`;

export const STATUS_ROW = `
  INSERT INTO public.agent_compliance_status (agent_url, status, streak_days, headline, updated_at)
  VALUES ($1, 'degraded', 3, 'written by the live path', '2026-02-01T00:00:00Z')
  ON CONFLICT DO NOTHING`;

export const CONTEXT =
  'INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)';

export const PROFILE = `
  INSERT INTO public.member_profiles (workos_organization_id, display_name, agents) VALUES ($1, 'Members', $2::jsonb)`;

export const MEMBER = `
  INSERT INTO public.organization_memberships (workos_user_id, workos_organization_id, email)
  VALUES ($1, $2, 'member@member.example')`;

export const REGISTERED = `
  INSERT INTO public.agent_registry_metadata (agent_url, lifecycle_stage, compliance_opt_out) VALUES ($1, $2, $3)`;

const LEGACY_COLUMNS = [
  'id',
  'agent_context_id',
  'scenario',
  'overall_passed',
  'steps_passed',
  'steps_failed',
  'total_duration_ms',
  'summary',
  'dry_run',
  'brief',
  'triggered_by',
  'user_id',
  'steps_json',
  'agent_profile_json',
  'started_at',
  'completed_at',
] as const satisfies (keyof RowValues)[];
export const LEGACY_ROW = `
  INSERT INTO public.agent_test_history (${LEGACY_COLUMNS.join(', ')})
  VALUES (${LEGACY_COLUMNS.map((_, index) => `$${String(index + 1)}`).join(', ')})`;

/** jsonb goes in as the text that it is: JSON.parse would round its numbers. */
export function legacyValues(row: RowValues): unknown[] {
  return LEGACY_COLUMNS.map((column) => row[column]);
}

/** What the earlier backfill script wrote for a legacy row. */
export const SCRIPT_COPY = `
  INSERT INTO public.agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, headline, triggered_by,
                                            dry_run, triggered_org_id, observations_json, tested_at)
  VALUES ($1, 'https://copy.example', 'production', 'passing', 'copied by the script', 'owner_test', true, 'org_of_copy',
          jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', $2::text,
                             'backfill_script', 'backfill-owner-test-history'), '2026-01-05T00:00:00Z')`;

/** A live row; its defaults are the twin of `aRow`. */
export interface LiveValues {
  readonly id: string;
  readonly agent_url: string;
  readonly overall_status: string;
  readonly headline: string | null;
  readonly total_duration_ms: number | null;
  readonly tested_at: string;
  readonly agent_profile_json: string | null;
  readonly triggered_org_id: string | null;
}

export const LIVE_VALUES: Omit<LiveValues, 'id' | 'agent_url'> = {
  overall_status: 'passing',
  headline: 'seven of nine',
  total_duration_ms: 1234,
  tested_at: '2026-03-04T05:06:06.9Z',
  agent_profile_json: '{"name": "agent", "version": 1.0}',
  triggered_org_id: null,
};

const LIVE_COLUMNS = [
  'id',
  'agent_url',
  'overall_status',
  'headline',
  'total_duration_ms',
  'tested_at',
  'agent_profile_json',
  'triggered_org_id',
] as const satisfies (keyof LiveValues)[];
export const LIVE_ROW = `
  INSERT INTO public.agent_compliance_runs (${LIVE_COLUMNS.join(', ')}, lifecycle_stage, triggered_by, dry_run,
                                            tracks_json, tracks_passed, observations_json)
  VALUES (${LIVE_COLUMNS.map((_, index) => `$${String(index + 1)}`).join(', ')}, 'production', 'owner_test', false,
          '[{"track": "core"}]', 6, '{"note": "live"}')`;

export function liveValues(row: LiveValues): unknown[] {
  return LIVE_COLUMNS.map((column) => row[column]);
}

/** Whole rows as JSON: every column, timestamps with their microseconds. */
export const LEDGER_ROW = 'SELECT to_jsonb(l) AS row FROM history_cdc.ledger l WHERE legacy_id = $1';
export const RUN_OF = `
  SELECT to_jsonb(r) AS row FROM public.agent_compliance_runs r
  JOIN history_cdc.ledger l ON l.canonical_run_id = r.id WHERE l.legacy_id = $1`;
export const QUARANTINED = 'SELECT to_jsonb(q) AS row FROM history_cdc.quarantine q ORDER BY "offset"';

/** Canonical rows of ours that no decision accounts for, and keys that more or less than one decision stands for. */
export const UNACCOUNTED = `
  SELECT 'canonical row without a decision: ' || r.id AS what
  FROM public.agent_compliance_runs r
  WHERE r.observations_json ->> 'backfill_script' = 'history-cdc'
    AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id AND l.decision = 'projected'
                    AND l.legacy_id::text = r.observations_json ->> 'backfill_source_id')
  UNION ALL
  SELECT 'key without a decision: ' || seen.id
  FROM unnest($1::uuid[]) AS seen (id)
  WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = seen.id)
  UNION ALL
  SELECT 'unsettled, and no twin: ' || u.legacy_id
  FROM history_cdc.unsettled_twin u
  WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = u.legacy_id AND l.decision = 'twin')`;
