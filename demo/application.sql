-- The application's tables, as far as this project touches them: what a database looks like before history-cdc
-- comes near it. The demo, the tests' template database and docker-compose.yml all run this same file. Plain SQL
-- for psql or any driver, safe to run again. The real database has some 260 tables more, and triggers.

-- Contexts: which organisation works with which agent. The auth_* columns hold encrypted credentials, and nothing
-- of history-cdc may read them: only id, organization_id and agent_url.
CREATE TABLE IF NOT EXISTS agent_contexts (
  id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id        text NOT NULL,
  agent_url              text NOT NULL,
  agent_name             text,
  agent_type             text NOT NULL DEFAULT 'unknown',
  protocol               text NOT NULL DEFAULT 'mcp' CHECK (protocol IN ('mcp', 'a2a')),
  auth_type              text,
  auth_token_encrypted   text,
  auth_token_iv          text,
  auth_token_hint        text,
  oauth_refresh_token_encrypted text,
  tools_discovered       jsonb,
  last_test_scenario     text,
  last_tested_at         timestamptz,
  total_tests_run        integer NOT NULL DEFAULT 0,
  created_by             text,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, agent_url)
);

-- The legacy table. Replica identity: the default, which is the primary key.
CREATE TABLE IF NOT EXISTS agent_test_history (
  id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  agent_context_id   uuid NOT NULL REFERENCES agent_contexts (id) ON DELETE CASCADE,
  scenario           text NOT NULL,
  overall_passed     boolean NOT NULL,
  steps_passed       integer NOT NULL,
  steps_failed       integer NOT NULL,
  total_duration_ms  integer,
  summary            text,
  dry_run            boolean DEFAULT true,
  brief              text,
  triggered_by       text,
  user_id            text,
  steps_json         jsonb,
  agent_profile_json jsonb,
  started_at         timestamptz NOT NULL DEFAULT now(),
  completed_at       timestamptz
);
CREATE INDEX IF NOT EXISTS idx_agent_test_history_context ON agent_test_history (agent_context_id);
CREATE INDEX IF NOT EXISTS idx_agent_test_history_started ON agent_test_history (started_at DESC);
CREATE INDEX IF NOT EXISTS idx_agent_test_history_scenario ON agent_test_history (scenario);
CREATE INDEX IF NOT EXISTS idx_agent_test_history_passed ON agent_test_history (overall_passed);
CREATE INDEX IF NOT EXISTS idx_agent_test_history_user ON agent_test_history (user_id, started_at DESC);

-- agents is meant to be an array of objects with a url; nothing enforces that, nor one profile an organisation.
CREATE TABLE IF NOT EXISTS member_profiles (
  id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workos_organization_id varchar(255) NOT NULL,
  display_name           varchar(255) NOT NULL,
  slug                   varchar(100) UNIQUE,
  tagline                varchar(255),
  description            text,
  contact_email          varchar(255),
  contact_website        varchar(500),
  headquarters           varchar(255),
  markets                jsonb DEFAULT '[]',
  offerings              text[] DEFAULT '{}',
  agents                 jsonb DEFAULT '[]',
  metadata               jsonb DEFAULT '{}',
  is_public              boolean NOT NULL DEFAULT false,
  show_in_carousel       boolean NOT NULL DEFAULT false,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_member_profiles_org ON member_profiles (workos_organization_id);

-- Synchronised from the identity provider; the row of a removed member is deleted.
CREATE TABLE IF NOT EXISTS organization_memberships (
  id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workos_user_id         varchar(255) NOT NULL,
  workos_organization_id varchar(255) NOT NULL,
  email                  varchar(255) NOT NULL,
  first_name             varchar(255),
  last_name              varchar(255),
  role                   varchar(50) NOT NULL DEFAULT 'member',
  synced_at              timestamptz NOT NULL DEFAULT now(),
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workos_user_id, workos_organization_id)
);
CREATE INDEX IF NOT EXISTS idx_organization_memberships_org ON organization_memberships (workos_organization_id);

CREATE TABLE IF NOT EXISTS agent_registry_metadata (
  agent_url              text PRIMARY KEY,
  lifecycle_stage        text DEFAULT 'production'
                         CHECK (lifecycle_stage IN ('development', 'testing', 'production', 'deprecated')),
  compliance_opt_out     boolean DEFAULT false,
  check_interval_hours   integer DEFAULT 12,
  monitoring_paused      boolean DEFAULT false,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now()
);

-- Canonical: one row a run.
CREATE TABLE IF NOT EXISTS agent_compliance_runs (
  id                          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  agent_url                   text NOT NULL,
  lifecycle_stage             text NOT NULL,
  overall_status              text NOT NULL CHECK (overall_status IN ('passing', 'failing', 'partial')),
  headline                    text,
  total_duration_ms           integer,
  tested_at                   timestamptz NOT NULL DEFAULT now(),
  tracks_json                 jsonb NOT NULL DEFAULT '[]',
  tracks_passed               integer NOT NULL DEFAULT 0,
  tracks_failed               integer NOT NULL DEFAULT 0,
  tracks_skipped              integer NOT NULL DEFAULT 0,
  tracks_partial              integer NOT NULL DEFAULT 0,
  agent_profile_json          jsonb,
  observations_json           jsonb,
  triggered_by                text NOT NULL
                              CHECK (triggered_by IN ('heartbeat', 'manual', 'webhook', 'owner_test')),
  dry_run                     boolean NOT NULL DEFAULT true,
  triggered_org_id            text,
  notices_json                jsonb,
  requested_compliance_target text,
  adcp_version                text
);
CREATE INDEX IF NOT EXISTS idx_agent_compliance_runs_agent
  ON agent_compliance_runs (agent_url, tested_at DESC);
CREATE INDEX IF NOT EXISTS idx_agent_compliance_runs_org
  ON agent_compliance_runs (triggered_org_id, agent_url, tested_at DESC) WHERE triggered_org_id IS NOT NULL;

-- Canonical: the current verdict, one row an agent. Backfilling history never changes it.
CREATE TABLE IF NOT EXISTS agent_compliance_status (
  agent_url                   text PRIMARY KEY,
  status                      text NOT NULL DEFAULT 'unknown'
                              CHECK (status IN ('passing', 'degraded', 'failing', 'unknown')),
  last_checked_at             timestamptz,
  last_passed_at              timestamptz,
  last_failed_at              timestamptz,
  streak_days                 integer NOT NULL DEFAULT 0,
  streak_started_at           timestamptz,
  tracks_summary_json         jsonb,
  headline                    text,
  previous_status             text,
  status_changed_at           timestamptz,
  updated_at                  timestamptz NOT NULL DEFAULT now(),
  requested_compliance_target text,
  adcp_version                text
);

-- Refers to runs by id: deleting a run takes its diagnostics with it.
CREATE TABLE IF NOT EXISTS agent_compliance_step_diagnostics (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  run_id        uuid NOT NULL REFERENCES agent_compliance_runs (id) ON DELETE CASCADE,
  storyboard_id text NOT NULL,
  step_id       text NOT NULL,
  passed        boolean NOT NULL,
  duration_ms   integer,
  message       text,
  details_json  jsonb,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_agent_compliance_step_diagnostics_run
  ON agent_compliance_step_diagnostics (run_id);
