import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { allRuns, useProjectorRole } from '../support/projector-role.ts';
import { Tables } from '../support/tables.ts';

/*
 * What Postgres refuses the projector's role, and what the functions that it may run leave alone.
 */
const the = useProjectorRole();

test.each([
  ['change a verdict', "UPDATE public.agent_compliance_status SET status = 'failing'"],
  ['take a verdict away', 'DELETE FROM public.agent_compliance_status'],
  ['make up a verdict', 'INSERT INTO public.agent_compliance_status DEFAULT VALUES'],
  ['delete a canonical row', 'DELETE FROM public.agent_compliance_runs'],
  ['change a canonical row', 'UPDATE public.agent_compliance_runs SET dry_run = false'],
  ['lock a canonical row', 'SELECT FROM public.agent_compliance_runs FOR UPDATE'],
  ['empty the canonical table', 'TRUNCATE public.agent_compliance_runs'],
  ['make a table', 'CREATE TABLE public.mine (id int)'],
  ['make a table in our schema', 'CREATE TABLE history_cdc.mine (id int)'],
  ['change a function of ours', 'ALTER FUNCTION history_cdc.delete_own_runs(uuid[]) SECURITY INVOKER'],
  [
    'add a trigger',
    'CREATE TRIGGER mine BEFORE INSERT ON public.agent_compliance_runs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  ],
  ['switch triggers off', 'ALTER TABLE public.agent_compliance_runs DISABLE TRIGGER ALL'],
  [
    'change a row by the function that does so for ours',
    'SELECT history_cdc.put_runs(ARRAY(SELECT ROW(r.id, r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms, r.tested_at, 0, 9, NULL, NULL, true, NULL)::history_cdc.own_run FROM public.agent_compliance_runs r))',
  ],
  [
    'remove a row by the function that does so for ours',
    'SELECT history_cdc.take_runs(ARRAY(SELECT id FROM public.agent_compliance_runs))',
  ],
  ['delete a decision', 'DELETE FROM history_cdc.ledger'],
  [
    'forge what comes back after an undo',
    "UPDATE history_cdc.undone SET agent_url = 'https://another.example'",
  ],
  [
    'make up what comes back after an undo',
    'INSERT INTO history_cdc.undone SELECT * FROM history_cdc.undone',
  ],
  ['read the credentials of a context', 'SELECT auth_token_encrypted FROM public.agent_contexts'],
  ['write a legacy row', 'DELETE FROM public.agent_test_history'],
  ['change what is migrated', 'DELETE FROM history_cdc.migration'],
])('that role may not %s', async (_, statement) => {
  await expect(the().projector.query(statement)).rejects.toMatchObject({ code: '42501' });
});

test('and the functions that it may run leave alone what is not ours', async () => {
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const live = await tables.live({ agent_url: owner.url });
  const copy = await tables.scriptCopy(randomUUID());
  const before = await allRuns(the());
  const image = `(r.id, 'https://another.example', r.lifecycle_stage, 'failing', r.headline, r.total_duration_ms,
    r.tested_at, 0, 9, NULL, r.observations_json || '{"backfill_script": "history-cdc"}', true, NULL)`;
  const { rows } = await the().projector.query<{ rewritten: string; deleted: string[] }>(
    `SELECT history_cdc.rewrite_own_runs(ARRAY(SELECT ROW${image}::history_cdc.own_run
              FROM public.agent_compliance_runs r WHERE r.id = ANY ($1))) AS rewritten,
            ARRAY(SELECT d.id FROM history_cdc.delete_own_runs($1) d) AS deleted,
            ARRAY(SELECT history_cdc.undo_projected($1)) AS undone`,
    [[live, copy]],
  );
  expect(rows).toEqual([{ rewritten: '0', deleted: [], undone: [] }]);
  expect(await allRuns(the())).toEqual(before);
});
