import { identifier, lines, sql } from '../../lib/quoting.ts';
import { check } from './check.ts';
import { failed, ok, unknown, warning } from './verdict.ts';

/** What the legacy table must be so that every row of it reaches the topic, keyed by its id. */
export const LEGACY_TABLE_CHECKS = [
  check({
    id: 'legacy-table',
    group: 'source',
    severity: 'error',
    title: 'agent_test_history has the columns that are read, in types that are read',
    needs: ['legacyTable'],
    judge: ({ legacyTable: { missing } }) =>
      missing.length === 0
        ? ok('all there')
        : failed(
            `missing: ${missing.join(', ')}`,
            "if a column was renamed, dropped or given another type, undo that: the projector stops at the first record that shows it (SCHEMA_UNUSABLE); else check that LEGACY_DATABASE_URL names the application's database",
          ),
  }),
  check({
    id: 'legacy-columns-sent',
    group: 'source',
    severity: 'error',
    title: 'Postgres sends every column that is read',
    needs: ['legacyTable'],
    judge: ({ legacyTable: { generated } }) =>
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
  }),
  check({
    id: 'legacy-key',
    group: 'source',
    severity: 'error',
    title: 'agent_test_history is keyed by id alone',
    needs: ['source'],
    judge: ({ source: { primaryKey, keyColumns } }) =>
      !primaryKey || keyColumns.join() === 'id'
        ? primaryKey
          ? ok('the primary key is (id)')
          : unknown('it has no primary key (see replica-identity)')
        : failed(
            `the primary key is (${keyColumns.join(', ')}): events are keyed by it, and must be keyed by id alone`,
            'make (id) the primary key: a partitioned table can have it where it is partitioned by id',
          ),
  }),
  check({
    id: 'legacy-table-alone',
    group: 'source',
    severity: 'error',
    title: 'no other table holds rows of agent_test_history',
    needs: ['source'],
    judge: ({ source: { dataTable, inheriting, partitioned } }) => {
      if (!dataTable) return unknown('the table is not there (see legacy-table)');
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
  }),
  check({
    id: 'replica-identity',
    group: 'source',
    severity: 'error',
    title: 'agent_test_history has its primary key as replica identity',
    needs: ['source'],
    judge: ({ source: { dataTable, primaryKey, replicaIdentity } }) => {
      if (!dataTable) return unknown('the table is not there (see legacy-table)');
      if (replicaIdentity === 'd') return ok('the primary key');
      const fix = sql`ALTER TABLE public.agent_test_history REPLICA IDENTITY DEFAULT;`;
      const withKey = primaryKey
        ? fix
        : lines(sql`ALTER TABLE public.agent_test_history ADD PRIMARY KEY (id);`, fix);
      if (replicaIdentity === 'f') {
        return warning('FULL: every update writes the whole old row, profile and steps too, to WAL', fix);
      }
      return replicaIdentity === 'n'
        ? failed('none: with the publication, Postgres refuses UPDATE and DELETE of the application', withKey)
        : failed('an index other than the primary key: a delete does not carry the id', withKey);
    },
  }),
];
