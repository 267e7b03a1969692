import { expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { workerSql } from '../../connectors/deploy/source-sql.ts';
import { useCheckup } from './checkup.ts';

const the = useCheckup(false);
const sql = async (text: string) => {
  await the().superuser.query(text);
};

test('whoever else may command the connector, and the fix leaves the operator and the owner', async () => {
  const { name, superuser } = the();
  await the().script();
  const roles = ['operator', 'writer', 'member', 'all'].map((kind) => `${name}_${kind}`);
  const [operator = '', writer = '', member = '', all = ''] = roles;
  for (const role of roles) await sql(`CREATE ROLE ${role}`);
  try {
    await runSourceSql(the().open.database.superuserUrl, workerSql('operator', operator));
    const before = await the().check('signal-table');
    expect(before.evidence).toContain(`its owner postgres, the connector, the operator ${operator}`);
    const breakIt = `GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA history_cdc_source, public TO ${writer};
        GRANT INSERT (data) ON history_cdc_source.signal TO PUBLIC;
        GRANT DELETE, TRUNCATE ON history_cdc_source.signal TO ${operator};
        GRANT pg_write_all_data TO ${all}; GRANT ${name} TO ${member}`;
    await the().breaks('signal-table', breakIt, {
      verdict: 'warning',
      says: [
        `${operator} (DELETE, TRUNCATE)`,
        `${writer} (INSERT, UPDATE)`,
        'PUBLIC (INSERT ("data"))',
        `${all} (as a member of pg_write_all_data)`,
        `${member} (as a member of ${name})`,
      ].join('; '),
    });
    const { rows } = await superuser.query<{ may: boolean }>(
      `SELECT has_table_privilege($1, 'history_cdc_source.signal', 'INSERT') AS may`,
      [operator],
    );
    expect(rows).toEqual([{ may: true }]);
  } finally {
    for (const role of roles) await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});
