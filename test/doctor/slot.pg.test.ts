import { expect, test } from 'vitest';
import { useCheckup } from './checkup.ts';

/* The checks of the replication slot, in a database that the script has not prepared. */
const the = useCheckup(false);
const make = (text: string) => the().superuser.query(`SELECT ${text}`);
const drop = () => make(`pg_drop_replication_slot('${the().name}')`);
const logical = (failover: boolean) =>
  make(`pg_create_logical_replication_slot('${the().name}', 'pgoutput', failover => ${String(failover)})`);

test('a slot that is there, ours, and read by nobody', async () => {
  expect(await the().check('slot-exists')).toMatchObject({ verdict: 'not_yet' });
  await logical(true);
  for (const id of [
    'slot-exists',
    'slot-identity',
    'slot-wal-status',
    'slot-failover',
    'replication-slots-room',
  ])
    expect(await the().check(id)).toMatchObject({ verdict: 'ok' });
  const active = await the().check('slot-active');
  expect(active).toMatchObject({ verdict: 'failed' });
  expect(active.evidence).toContain('nobody reads it, and the server keeps ');
  await drop();
});

test('a slot that a failover would lose', async () => {
  await logical(false);
  expect(await the().check('slot-failover')).toMatchObject({ verdict: 'warning' });
  await drop();
});

test('a slot that is a physical one', async () => {
  await make(`pg_create_physical_replication_slot('${the().name}')`);
  const result = await the().check('slot-identity');
  expect(result).toMatchObject({ verdict: 'failed' });
  expect(result.evidence).toContain('it is physical');
  await drop();
});

test('a slot of another database of the same server', async () => {
  await logical(true);
  const elsewhere = { LEGACY_DATABASE_URL: new URL('/app', the().open.database.url).href };
  const result = await the().check('slot-identity', elsewhere);
  expect(result.evidence).toContain(`it belongs to the database ${the().open.database.name}`);
  await drop();
});
