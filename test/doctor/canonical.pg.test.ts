import { beforeAll, describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { examine } from '../../operations/doctor/doctor.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { CANONICAL_TABLES, LEGACY_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { useCheckup, type Checkup } from './checkup.ts';

/* The checks of the canonical database, before `migrate` and after it, each broken once and mended by its own fix. */
const the = useCheckup(false);

const IDS = CHECKS.filter(({ group }) => group === 'canonical').map(({ id }) => id);
const sql = async (text: string) => {
  await the().superuser.query(text);
};
const mendWith = (...statements: string[]) => ({
  mend: async ({ superuser }: Checkup) => {
    for (const statement of statements) await superuser.query(statement);
  },
});

test('before `migrate`, the schema is not there yet, and nothing is wrong', async () => {
  const checks = CHECKS.filter(({ id }) => IDS.includes(id));
  const { checks: results, mayGoOn, first } = await examine(the().config(), checks);
  const notYet = results.filter(({ verdict }) => verdict === 'not_yet').map(({ id }) => id);
  expect(notYet).toEqual(['ledger-schema', 'unique-keys', 'projector-grants']);
  expect(results.filter(({ verdict }) => verdict === 'failed' || verdict === 'unknown')).toEqual([]);
  expect({ mayGoOn, first: first?.fix }).toEqual({ mayGoOn: true, first: 'history-cdc migrate' });
});

describe('migrated', () => {
  beforeAll(async () => {
    await migrate(the().open.pool, the().name);
  });

  test('all is well, but that the owner of the tables projects', async () => {
    for (const id of IDS)
      expect(await the().check(id)).toMatchObject({
        id,
        verdict: id === 'projector-excess' ? 'warning' : 'ok',
      });
    const { evidence } = await the().check('projector-excess');
    expect(evidence).toContain('app also has: owner of 8 tables of the application');
  });

  test('a schema of a later release', async () => {
    const later = "INSERT INTO history_cdc.migration VALUES (9999, '9999-later.sql', 'x')";
    await the().breaks('ledger-schema', later, {
      says: '9999-later.sql, which this release does not know',
      ...mendWith('DELETE FROM history_cdc.migration WHERE version = 9999'),
    });
  });

  test.each([
    [
      'ALTER TABLE history_cdc.ledger DROP CONSTRAINT ledger_canonical_run_id_key',
      'ledger (canonical_run_id)',
    ],
    ['ALTER TABLE history_cdc.ledger DROP CONSTRAINT ledger_pkey', 'ledger (legacy_id)'],
    [
      'ALTER TABLE history_cdc.consumer_offset DROP CONSTRAINT consumer_offset_pkey',
      'consumer_offset (partition',
    ],
    [
      'ALTER TABLE public.agent_compliance_runs DROP CONSTRAINT agent_compliance_runs_pkey CASCADE',
      'runs (id)',
    ],
  ])('a unique key that was dropped: %s', async (breakIt, says) => {
    await the().breaks('unique-keys', breakIt, { says });
  });

  test('a unique index over a part of the rows is no key', async () => {
    const breakIt = `ALTER TABLE history_cdc.ledger DROP CONSTRAINT ledger_canonical_run_id_key;
      CREATE UNIQUE INDEX partial_key ON history_cdc.ledger (canonical_run_id) WHERE decision = 'twin'`;
    await the().breaks('unique-keys', breakIt, { says: 'ledger (canonical_run_id)' });
    await sql('DROP INDEX history_cdc.partial_key');
  });

  test.each([['organization_memberships'], ['agent_contexts'], ['agent_compliance_runs']])(
    'row-level security on %s hides rows from the role that reads it',
    async (table) => {
      const force = `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`;
      const says = `row-level security on public.${table} applies to the role app`;
      await the().breaks('canonical-rows-visible', force, { says });
      await sql(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY`);
      await sql(`DROP POLICY history_cdc_app ON ${table}`);
    },
  );

  test('a materialized view in the place of a table, which is as old as its last refresh', async () => {
    const broken = `ALTER TABLE member_profiles RENAME TO moved; CREATE MATERIALIZED VIEW public.member_profiles AS SELECT * FROM moved`;
    await the().breaks('canonical-rows-visible', broken, {
      says: 'public.member_profiles is a materialized view',
      ...mendWith(
        'DROP MATERIALIZED VIEW public.member_profiles',
        'ALTER TABLE moved RENAME TO member_profiles',
      ),
    });
  });

  test('a database that nobody may write, as hosts make it when the disk is full', async () => {
    const { rows } = await the().superuser.query<{ name: string }>('SELECT current_database() AS name');
    const name = rows[0]?.name ?? '';
    await the().breaks(
      'canonical-server',
      `ALTER DATABASE "${name}" SET default_transaction_read_only = on`,
      {
        says: 'default_transaction_read_only is on',
        mend: async ({ superuser }) => {
          await superuser.query(`SET transaction_read_only = off; ALTER DATABASE "${name}" RESET ALL`);
        },
      },
    );
  });

  test('no index by agent and time', async () => {
    const breakIt = 'DROP INDEX public.idx_agent_compliance_runs_agent';
    await the().breaks('canonical-index', breakIt, { says: 'whole table', verdict: 'warning' });
  });

  test('every column that is missing, at once', async () => {
    const breakIt = `ALTER TABLE member_profiles RENAME agents TO listed;
      ALTER TABLE agent_registry_metadata RENAME compliance_opt_out TO opted_out`;
    await the().breaks('canonical-tables', breakIt, {
      says: 'column public.member_profiles.agents, column public.agent_registry_metadata.compliance_opt_out',
      ...mendWith(
        'ALTER TABLE member_profiles RENAME listed TO agents',
        'ALTER TABLE agent_registry_metadata RENAME opted_out TO compliance_opt_out',
      ),
    });
  });
});

describe('a role of its own for the projector', () => {
  const settings = () => ({ DATABASE_URL: the().roleUrl });
  const granted = () => [
    ...Object.entries({ ...CANONICAL_TABLES, ...LEGACY_TABLES }).map(
      ([table, columns]) => `GRANT SELECT (${columns.join(', ')}) ON public.${table} TO ${the().name}`,
    ),
    `GRANT SELECT, INSERT ON public.agent_compliance_runs TO ${the().name}`,
  ];

  test('lacks everything before it is granted, which is named at once, and may do no harm', async () => {
    const { verdict, evidence, fix } = await the().check('projector-grants', settings());
    expect(verdict).toBe('failed');
    for (const place of ['agent_contexts', 'member_profiles', 'agent_compliance_runs'])
      expect(evidence).toContain(place);
    await the().paste(fix);
    expect(await the().check('projector-grants', settings())).toMatchObject({ verdict: 'ok' });
    expect(await the().check('projector-excess', settings())).toMatchObject({ verdict: 'ok' });
    for (const grant of granted()) await sql(grant);
    expect(await the().check('projector-excess', settings())).toMatchObject({ verdict: 'ok' });
  });

  test('lacks what was revoked, of the application and of history_cdc', async () => {
    const { name } = the();
    const breakIt = `REVOKE SELECT, INSERT ON agent_compliance_runs FROM ${name};
      REVOKE SELECT (agents) ON member_profiles FROM ${name};
      REVOKE UPDATE ON history_cdc.ledger FROM ${name};
      REVOKE EXECUTE ON FUNCTION history_cdc.undo_projected FROM ${name};
      REVOKE USAGE ON SCHEMA history_cdc FROM ${name}`;
    for (const statement of breakIt.split(';')) await sql(statement);
    const { verdict, evidence, fix } = await the().check('projector-grants', settings());
    expect(verdict).toBe('failed');
    for (const right of [
      'EXECUTE ON FUNCTION history_cdc.undo_projected',
      'USAGE ON SCHEMA history_cdc',
      'UPDATE ON history_cdc.ledger',
      'INSERT ON public.agent_compliance_runs',
      'SELECT (agents) ON public.member_profiles',
    ])
      expect(evidence).toContain(right);
    expect(fix).toContain(`history-cdc migrate --grant-to ${name}`);
    await the().paste(fix);
    expect(await the().check('projector-grants', settings())).toMatchObject({ verdict: 'ok' });
  });

  test.each([
    [
      'writes the verdicts',
      'GRANT UPDATE ON agent_compliance_status TO',
      'UPDATE on public.agent_compliance_status',
    ],
    [
      'deletes canonical rows',
      'GRANT DELETE ON agent_compliance_runs TO',
      'DELETE on public.agent_compliance_runs',
    ],
    ['reads credentials', 'GRANT SELECT ON agent_contexts TO', 'SELECT on public.agent_contexts'],
    ['is a member of what may write everything', 'GRANT pg_write_all_data TO', 'member of pg_write_all_data'],
    ['writes legacy rows', 'GRANT INSERT ON agent_test_history TO', 'INSERT on public.agent_test_history'],
  ])('has too much where it %s', async (_, breakIt, says) => {
    const red = { says, verdict: 'warning', settings: settings() } as const;
    await the().breaks('projector-excess', `${breakIt} ${the().name}`, red);
  });
});
