import { beforeAll, expect, test } from 'vitest';
import { useCheckup } from './checkup.ts';

/* An agent_test_history that is partitioned, or that another table inherits from. Each printed fix is followed to green. */
const the = useCheckup(false);
const sql = async (text: string) => {
  await the().superuser.query(text);
};

beforeAll(async () => {
  await the().script();
});

const PLAIN = 'agent_test_history_plain';
const both = ['publication', 'legacy-table-alone', 'legacy-key', 'replica-identity', 'connector-grants'];
const allGreen = async () => {
  for (const id of both) expect(await the().check(id)).toMatchObject({ id, verdict: 'ok' });
};

test('partitioned: the fix that is printed leads to green, and stays there', async () => {
  await sql(`ALTER TABLE agent_test_history RENAME TO ${PLAIN}`);
  await sql(
    `CREATE TABLE agent_test_history (LIKE ${PLAIN} INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY HASH (id)`,
  );
  await sql(
    'CREATE TABLE agent_test_history_0 PARTITION OF agent_test_history FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
  );
  await sql(`ALTER PUBLICATION ${the().name} SET (publish_via_partition_root = false)`);
  await sql(
    `ALTER PUBLICATION ${the().name} SET TABLE agent_test_history, history_cdc_source.signal, history_cdc_source.heartbeat`,
  );
  for (const id of ['publication', 'connector-grants']) {
    const red = await the().check(id);
    expect(red).toMatchObject({ verdict: 'failed' });
    await the().paste(red.fix);
  }
  await allGreen();
  await the().script();
  await allGreen();
  await sql('DROP TABLE agent_test_history');
  await sql(`ALTER TABLE ${PLAIN} RENAME TO agent_test_history`);
  await the().script();
});

test('inherited: the fixes that are printed lead to green, and stay there', async () => {
  await sql('CREATE TABLE "Child; --" () INHERITS (agent_test_history)');
  await sql(
    `ALTER PUBLICATION ${the().name} SET TABLE agent_test_history, history_cdc_source.signal, history_cdc_source.heartbeat`,
  );
  for (const id of ['publication', 'legacy-table-alone']) {
    const red = await the().check(id);
    expect(red).toMatchObject({ verdict: 'failed' });
    await the().paste(red.fix);
    expect(await the().check(id)).toMatchObject({ verdict: 'ok' });
  }
  await allGreen();
  await sql('DROP TABLE "Child; --"');
});
