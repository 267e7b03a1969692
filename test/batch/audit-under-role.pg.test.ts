import { expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { useProjectorRole } from '../support/projector-role.ts';
import { aRow, inserted, updated, type Message } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';

/* An audit trigger of the application, and a projector with the rights of `migrate --grant-to` and no others. */
const the = useProjectorRole();

const AUDIT = `
  CREATE TABLE public.audit_log (run_id uuid, what text);
  CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit_log VALUES (NEW.id, TG_OP);
    RETURN NULL;
  END $$;
  CREATE TRIGGER machinery AFTER INSERT OR UPDATE ON public.agent_compliance_runs
    FOR EACH ROW EXECUTE FUNCTION public.audited()`;

async function project(messages: readonly Message[]): Promise<void> {
  const { projector } = the();
  const { claim, nextOffset } = await takeOver(
    projector,
    { topicId: TOPIC_ID, partition: 0, offset: 0n },
    'test',
  );
  await runRecords({
    context: { canonical: projector, legacy: projector, optOutPolicy: 'respect', matching: MATCHING },
    records: asRecords(messages, nextOffset),
    mode: { kind: 'commit', claim },
    rows: 1000,
  });
}

test('an insert that the role may not log is parked with the right that is missing; a grant and a retry mend it', async () => {
  const { open, superuser, projector } = the();
  await open.pool.query(AUDIT);
  await registerTopic(projector, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  const tables = new Tables(open.pool);
  const owner = await tables.owner();
  const [own, other] = [
    aRow({ agent_context_id: owner.context, user_id: owner.user }),
    aRow({ agent_context_id: owner.context, user_id: 'stranger' }),
  ];
  await project([inserted(own), inserted(other)]);
  expect(await tables.ledger(own.id)).toMatchObject({ decision: 'quarantined' });
  expect(await tables.ledger(other.id)).toMatchObject({ decision: 'third_party' });
  expect(await tables.quarantined()).toMatchObject([
    { legacy_id: own.id, detail: 'Postgres refused the row: SQLSTATE 42501, raised in audited()' },
  ]);

  const { rows } = await projector.query<{ role: string }>('SELECT current_user AS role');
  await superuser.query(`GRANT INSERT ON public.audit_log TO ${rows[0]?.role ?? ''}`);
  expect(await retried(projector)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
  // Changes go through a function of our schema, with the rights of the role that ran `migrate`.
  await project([updated({ ...own, summary: 'later' })]);
  expect(await tables.run(own.id)).toMatchObject({ headline: 'later' });
  const { rows: logged } = await open.pool.query('SELECT what FROM public.audit_log ORDER BY what');
  expect(logged).toEqual([{ what: 'INSERT' }, { what: 'UPDATE' }]);
});
