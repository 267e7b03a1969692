-- Takes back what was projected: deletes canonical rows of ours with the decisions that they stand on, so that a replay
-- decides them anew and writes them with the same ids; gives the legacy ids. A row that something refers to stays, and so
-- does one that is not ours, or that retention pruned: without its decision, a replay would bring it back. The only way in
-- which a decision is ever deleted, so that a projector's role needs no right to delete any.
CREATE FUNCTION history_cdc.undo_projected(legacy_ids uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  run_ids uuid[];
BEGIN
  run_ids := ARRAY(SELECT l.canonical_run_id FROM history_cdc.ledger l
                   WHERE l.legacy_id = ANY (legacy_ids) AND l.decision = 'projected');
  -- In a statement of its own: the rows are locked by the time that the next one reads.
  run_ids := ARRAY(SELECT unnest(run_ids) EXCEPT SELECT r.run_id FROM history_cdc.references_to_runs(run_ids) r);
  RETURN QUERY
    WITH removed AS MATERIALIZED (SELECT r.id FROM history_cdc.delete_own_runs(run_ids) r)
    DELETE FROM history_cdc.ledger l USING removed
    WHERE l.canonical_run_id = removed.id AND l.legacy_id = ANY (legacy_ids) AND l.decision = 'projected'
    RETURNING l.legacy_id;
END
$$;
REVOKE EXECUTE ON FUNCTION history_cdc.undo_projected(uuid[]) FROM PUBLIC;
