import { identifier, lines, sql } from '../../lib/quoting.ts';
import { checksOf, error } from './check.ts';
import { failed, ok, unknown, warning } from './verdict.ts';

/** For an address that leads to a database without the application's tables. */
export const NO_TABLES =
  "let the address name the application's database (`history-cdc config` shows it); on a local stack, `history-cdc stack up --example` creates the tables";

const ON_TABLE = { on: 'legacyTable' } as const;

/** What the legacy table must be so that every row of it reaches the topic, keyed by its id. */
export const LEGACY_TABLE_CHECKS = checksOf('source', {
  'legacy-table': error(
    'agent_test_history has the columns that are read, in types that are read',
    ['legacyTable'],
    ({ legacyTable: { there, missing } }) => {
      if (!there)
        return failed(
          'there is no table public.agent_test_history where LEGACY_DATABASE_URL leads',
          NO_TABLES,
        );
      return missing.length === 0
        ? ok('all there')
        : failed(
            `missing: ${missing.join(', ')}`,
            "if a column was renamed, dropped or given another type, undo that: the projector stops at the first record that shows it (SCHEMA_UNUSABLE); else check that LEGACY_DATABASE_URL names the application's database",
          );
    },
  ),
  'legacy-columns-sent': error(
    'Postgres sends every column that is read',
    ['legacyTable'],
    ({ legacyTable: { generated } }) =>
      generated.length === 0
        ? ok('none of them is generated')
        : failed(
            `generated, so that the stream leaves them out: ${generated.join(', ')}`,
            lines(
              ...generated.map(
                (column) =>
                  sql`ALTER TABLE public.agent_test_history ALTER COLUMN ${identifier(column)} DROP EXPRESSION;  -- the application writes it then`,
              ),
            ),
          ),
    ON_TABLE,
  ),
  'legacy-key': error(
    'agent_test_history is keyed by id alone',
    ['legacyTable'],
    ({ legacyTable: { keyColumns } }) => {
      if (keyColumns.length === 0) return unknown('it has no primary key (see replica-identity)');
      return keyColumns.join() === 'id'
        ? ok('the primary key is (id)')
        : failed(
            `the primary key is (${keyColumns.join(', ')}): events are keyed by it, and must be keyed by id alone`,
            'make (id) the primary key: a partitioned table can have it where it is partitioned by id',
          );
    },
    ON_TABLE,
  ),
  'legacy-table-alone': error(
    'no other table holds rows of agent_test_history',
    ['legacyTable'],
    ({ legacyTable: { inheriting, partitioned } }) => {
      if (inheriting.length === 0)
        return ok(partitioned ? 'its partitions are published as one' : 'none inherits from it');
      return failed(
        `${inheriting.join(', ')} inherit from it: a snapshot reads their rows, and the stream has no change of them`,
        lines(
          ...inheriting.map(
            (table) =>
              sql`ALTER TABLE ${table} NO INHERIT public.agent_test_history;  -- its rows are none of agent_test_history then`,
          ),
        ),
      );
    },
    ON_TABLE,
  ),
  'replica-identity': error(
    'agent_test_history has its primary key as replica identity',
    ['legacyTable'],
    ({ legacyTable: { keyColumns, replicaIdentity } }) => {
      if (replicaIdentity === 'd') return ok('the primary key');
      const fix = sql`ALTER TABLE public.agent_test_history REPLICA IDENTITY DEFAULT;`;
      const withKey =
        keyColumns.length > 0
          ? fix
          : lines(sql`ALTER TABLE public.agent_test_history ADD PRIMARY KEY (id);`, fix);
      if (replicaIdentity === 'f')
        return warning('FULL: every update writes the whole old row, profile and steps too, to WAL', fix);
      return replicaIdentity === 'n'
        ? failed('none: with the publication, Postgres refuses UPDATE and DELETE of the application', withKey)
        : failed('an index other than the primary key: a delete does not carry the id', withKey);
    },
    ON_TABLE,
  ),
});
