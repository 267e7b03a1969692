import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();
let superuser: Pool | undefined;
let reader: Pool | undefined;
const role = `archivist_${String(process.pid)}`;

beforeAll(async () => {
  superuser = createPool({ url: world().database.superuserUrl, name: 'test', connections: 1 });
  await hardRows(world().canonical);
  await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'archive'`);
  const url = new URL(world().database.url);
  [url.username, url.password] = [role, 'archive'];
  reader = createPool({ url: url.href, name: 'archive', connections: 1, copies: true });
});

afterAll(async () => {
  await reader?.end();
  await superuser?.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await superuser?.end();
});

const exportedByReader = () => exported({ ...world(), ...(reader && { legacy: reader }) });

test('a role that may only read the legacy table is enough, one that may not is refused, and one that sees less is', async () => {
  await expect(exportedByReader()).rejects.toMatchObject({ code: '42501' });
  await superuser?.query(`GRANT SELECT ON public.agent_test_history TO ${role}`);
  expect((await exportedByReader()).isNew).toBe(true);
  await superuser?.query('ALTER TABLE public.agent_test_history ENABLE ROW LEVEL SECURITY');
  await expect(exportedByReader()).rejects.toMatchObject({ code: 'ROWS_HIDDEN' });
});

test('a column that nobody knows is archived, too', async () => {
  await superuser?.query('ALTER TABLE public.agent_test_history DISABLE ROW LEVEL SECURITY');
  await world().canonical.query(
    `CREATE TYPE mood AS ENUM ('good', 'bad'); ALTER TABLE public.agent_test_history ADD COLUMN "how it went" mood DEFAULT 'bad'`,
  );
  const { manifest, isNew } = await exported(world());
  expect(isNew).toBe(true);
  expect(manifest.table.columns.at(-1)).toMatchObject({
    name: 'how it went',
    field: 'how_it_went',
    type: 'mood',
    default: "'bad'::mood",
    avro: 'string',
  });
  expect(manifest.table.types).toMatchObject([
    { kind: 'enum', ddl: "CREATE TYPE mood AS ENUM ('good', 'bad')" },
  ]);
  expect(manifest.table.ddl).toContain(`"how it went" mood DEFAULT 'bad'::mood`);
});
