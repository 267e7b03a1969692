import type { Client } from '../../lib/postgres.ts';
import { identifier, sql, type Sql } from '../../lib/quoting.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { ArchivedColumn, TableDefinition } from './manifest.ts';

const COLUMNS = sqlFile(import.meta.url, './sql/columns.sql');
const CONSTRAINTS = sqlFile(import.meta.url, './sql/constraints.sql');
const INDEXES = sqlFile(import.meta.url, './sql/indexes.sql');
const TYPES = sqlFile(import.meta.url, './sql/types.sql');

type Found = Omit<ArchivedColumn, 'field' | 'avro'> & { readonly base: string };

/** The legacy table as the catalog has it. Every column is in it, also one that nothing of ours knows. */
export async function readTableDefinition(client: Client): Promise<TableDefinition> {
  const found = (await client.query<Found>(COLUMNS)).rows;
  const fields = fieldNames(found.map(({ name }) => name));
  const columns = found.map(({ base, ...column }, at) => ({
    ...column,
    field: fields[at] ?? '',
    avro: avroTypeOf(base),
  }));
  const { rows: constraints } = await client.query<TableDefinition['constraints'][number]>(CONSTRAINTS);
  const { rows: indexes } = await client.query<TableDefinition['indexes'][number]>(INDEXES);
  const { rows: types } = await client.query<TableDefinition['types'][number]>(TYPES);
  const parts = { columns, constraints, indexes, types };
  return { ...parts, ddl: scriptOf(parts) };
}

function avroTypeOf(base: string): ArchivedColumn['avro'] {
  if (base === 'boolean') return 'boolean';
  return base === 'integer' || base === 'smallint' ? 'int' : 'string';
}

/** Names of the fields that the archive adds begin so. */
export const OWN_FIELDS = 'history_cdc_';

/** Avro allows letters, digits and _; a name that two columns would share, or that is one of ours, gets a number. */
function fieldNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');
    const base = plain.startsWith(OWN_FIELDS) ? `_${plain}` : plain;
    let field = base;
    for (let number = 2; taken.has(field) || (field !== name && names.includes(field)); number++)
      field = `${base}_${String(number)}`;
    taken.add(field);
    return field;
  });
}

/** One column as `CREATE TABLE` takes it. */
export function columnDdl(column: ArchivedColumn): string {
  const { name, type, collation, notNull, generated, identity } = column;
  return [
    identifier(name),
    type,
    ...(collation === null ? [] : [`COLLATE ${collation}`]),
    ...(generated ? [`GENERATED ALWAYS AS (${column.default ?? ''}) STORED`] : []),
    ...(identity === null ? [] : [`GENERATED ${identity.toUpperCase()} AS IDENTITY`]),
    ...(generated || column.default === null ? [] : [`DEFAULT ${column.default}`]),
    ...(notNull ? ['NOT NULL'] : []),
  ].join(' ');
}

function scriptOf(table: Omit<TableDefinition, 'ddl'>): string {
  const place: Sql = sql`public.agent_test_history`;
  return [
    ...table.types.map(({ name, kind, ddl }) => ddl ?? `-- the type ${name} (${kind}) must exist already`),
    `CREATE TABLE ${place} (\n  ${table.columns.map(columnDdl).join(',\n  ')}\n)`,
    ...table.constraints
      .filter(({ kind }) => kind !== 'trigger')
      .map(({ name, definition }) => `ALTER TABLE ${place} ADD CONSTRAINT ${identifier(name)} ${definition}`),
    ...table.indexes.map(({ definition }) => definition),
  ]
    .map((statement) => (statement.startsWith('--') ? `${statement}\n` : `${statement};\n`))
    .join('');
}
