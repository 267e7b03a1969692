/** What the application writes, each row with its note in `truth`, in one statement. */

export const NOTE_RUN = `
  INSERT INTO truth.run (run, alike, kind, standing, organization_id, agent_url) VALUES ($1, $2, $3, $4, $5, $6)`;

/** Both clocks are the server's, each of its own transaction. */
export const WRITE_LEGACY = `
  WITH written AS (
    INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
                                    dry_run, brief, triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
    VALUES ($3, $4, 'quality_evaluation', $5, $6, $7, nullif($8, 0), $9,
            false, 'a brief', 'user', $10, '[]', $11, now() - $12 * interval '1 second', now())
    RETURNING *
  )
  INSERT INTO truth.legacy_row (run, phase, legacy_id, row)
  SELECT $1, $2, id, ROW(written.*)::agent_test_history FROM written`;

export const WRITE_LIVE = `
  WITH written AS (
    INSERT INTO agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, tracks_passed, tracks_failed, total_duration_ms,
                                       headline, agent_profile_json, triggered_org_id, triggered_by, tracks_json, dry_run)
    VALUES ($2, $3, 'testing', $4, $5, $6, $7, $8, $9, $10, $11, '[{"track": "core", "weight": 1.0}]', false)
    RETURNING *
  )
  INSERT INTO truth.live_row (run, live_id, xid, row)
  SELECT $1, id, pg_current_xact_id()::xid::text, ROW(written.*)::agent_compliance_runs FROM written`;

/** The live path overwrites the current verdict on every run: the last write wins. */
export const WRITE_VERDICT = `
  WITH written AS (
    INSERT INTO agent_compliance_status AS s (agent_url, status, headline, last_checked_at, updated_at) VALUES ($1, $2, $3, now(), now())
    ON CONFLICT (agent_url) DO UPDATE SET status = excluded.status, headline = excluded.headline, previous_status = s.status,
      last_checked_at = excluded.last_checked_at, updated_at = excluded.updated_at
    RETURNING *
  )
  INSERT INTO truth.status (agent_url, xid, row)
  SELECT agent_url, pg_current_xact_id()::xid::text, ROW(written.*)::agent_compliance_status::text FROM written
  ON CONFLICT (agent_url) DO UPDATE SET xid = excluded.xid, row = excluded.row`;

export const DELETE_ROW = `
  WITH noted AS (INSERT INTO truth.fate VALUES ($1, 'row deleted'))
  DELETE FROM agent_test_history WHERE id = $2`;

export const CREATE_CONTEXT =
  'INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)';
export const MOVE_ROWS = 'UPDATE agent_test_history SET agent_context_id = $2 WHERE agent_context_id = $1';
export const DELETE_CONTEXT = 'DELETE FROM agent_contexts WHERE id = $1';

/** $2: what is about to become of the rows of a context. */
export const NOTE_FATE = `
  INSERT INTO truth.fate
  SELECT run, $2 FROM truth.legacy_row JOIN agent_test_history h ON h.id = legacy_id WHERE h.agent_context_id = $1`;

export const OPT_OUT = `
  INSERT INTO agent_registry_metadata (agent_url, compliance_opt_out) VALUES ($1, true)
  ON CONFLICT (agent_url) DO UPDATE SET compliance_opt_out = true`;
