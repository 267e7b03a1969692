import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { identifier, list, sql, type Sql } from '../../lib/quoting.ts';
import type { ArchivedColumn, TableDefinition } from './manifest.ts';

/** The table that an archive is restored into. */
export interface Place {
  readonly schema: string;
  readonly table: string;
}

/** Something of the source's table that the restored one does not have, and why. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

export const quotedPlace = ({ schema, table }: Place): Sql => sql`${identifier(schema)}.${identifier(table)}`;

/**
 * What a database may lack: a function, a type, a table or a schema that the definition names, a feature of the
 * release, or a right. Every other error means that the rows do not fit their own definition, and ends the restore.
 */
const LACKING = new Set(['42883', '42704', '42P01', '3F000', '0A000', '42501']);

/** Runs a statement that may fail without ending the transaction; returns why the database cannot do it. */
async function attempt(client: Client, statement: string): Promise<string | undefined> {
  await client.query('SAVEPOINT history_cdc_attempt');
  try {
    await client.query(statement);
    return undefined;
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT history_cdc_attempt');
    const state = sqlState(error);
    if (state === undefined || !LACKING.has(state)) throw error;
    return messageOf(error);
  } finally {
    await client.query('RELEASE SAVEPOINT history_cdc_attempt').catch(() => undefined);
  }
}

/**
 * Makes the schemas and types that are not there, and the table with its columns, without what a load does not need.
 */
export async function makeTable(
  client: Client,
  definition: TableDefinition,
  place: Place,
): Promise<LeftOut[]> {
  await makeSchema(client, place.schema);
  for (const type of definition.types) await makeType(client, type);
  return await createTable(client, definition.columns, place);
}

const SCHEMA_THERE = 'SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS there';

async function makeSchema(client: Client, name: string): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(SCHEMA_THERE, [name]);
  if (rows[0]?.there !== true) await client.query(sql`CREATE SCHEMA ${identifier(name)}`);
}

const TYPE = 'SELECT to_regtype($1) IS NOT NULL AS there, parse_ident($1) AS names';

async function makeType(
  client: Client,
  { name, kind, ddl }: TableDefinition['types'][number],
): Promise<void> {
  const [type] = (await client.query<{ there: boolean; names: string[] }>(TYPE, [name])).rows;
  if (type?.there === true) return;
  if (ddl === null)
    throw new FatalError({
      code: 'RESTORE_TYPE_MISSING',
      message: `the database does not have the type ${name} (${kind}), and the restore cannot create this type`,
      wayOut:
        'create it there first (the extension that it comes from: CREATE EXTENSION …), and run the command again',
    });
  const [schema] = type?.names.length === 2 ? type.names : [];
  if (schema !== undefined) await makeSchema(client, schema);
  await client.query(ddl);
}

/** A property of a column that a database may be unable to give it. */
interface Extra {
  readonly column: string;
  readonly kind: 'collation' | 'generated';
  readonly ddl: string;
}

async function createTable(
  client: Client,
  columns: readonly ArchivedColumn[],
  place: Place,
): Promise<LeftOut[]> {
  const extras = columns.flatMap(extrasOf);
  const statement = (taken: readonly Extra[]) =>
    `CREATE TABLE ${quotedPlace(place)} (${columns.map((column) => columnOf(column, taken)).join(', ')})`;
  if ((await attempt(client, statement(extras))) === undefined) return [];
  const leftOut: LeftOut[] = [];
  const taken: Extra[] = [];
  for (const extra of extras) {
    const why = await attempt(client, `${statement([extra])}; DROP TABLE ${quotedPlace(place)}`);
    if (why === undefined) taken.push(extra);
    else leftOut.push({ what: `${extra.kind} of the column ${extra.column}`, why });
  }
  await client.query(statement(taken));
  return leftOut;
}

function extrasOf({ name, collation, generated, default: expression }: ArchivedColumn): Extra[] {
  return [
    ...(collation === null
      ? []
      : [{ column: name, kind: 'collation' as const, ddl: `COLLATE ${collation}` }]),
    ...(generated
      ? [
          {
            column: name,
            kind: 'generated' as const,
            ddl: `GENERATED ALWAYS AS (${expression ?? ''}) STORED`,
          },
        ]
      : []),
  ];
}

function columnOf({ name, type, notNull }: ArchivedColumn, extras: readonly Extra[]): string {
  const own = extras.filter(({ column }) => column === name).map(({ ddl }) => ddl);
  return [identifier(name), type, ...own, ...(notNull ? ['NOT NULL'] : [])].join(' ');
}

/** The columns that a load fills: Postgres makes the values of the generated ones itself. */
export function loadedColumns(
  columns: readonly ArchivedColumn[],
  leftOut: readonly LeftOut[],
): ArchivedColumn[] {
  const plain = new Set(leftOut.map(({ what }) => what));
  return columns.filter(({ name, generated }) => !generated || plain.has(`generated of the column ${name}`));
}

/** Adds defaults, identities, constraints and indexes to the loaded table. */
export async function finishTable(
  client: Client,
  definition: TableDefinition,
  place: Place,
): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = [];
  const add = async (what: string, statement: string) => {
    const why = await attempt(client, statement);
    if (why !== undefined) leftOut.push({ what, why });
  };
  const table = quotedPlace(place);
  for (const column of definition.columns) {
    const { name, generated, identity, default: expression } = column;
    if (identity !== null) await add(`identity of the column ${name}`, identityOf(column, place));
    else if (expression !== null && !generated)
      await add(
        `default of the column ${name}`,
        `ALTER TABLE ${table} ALTER COLUMN ${identifier(name)} SET DEFAULT ${expression}`,
      );
  }
  for (const { name, kind, definition: text } of definition.constraints) {
    if (kind === 'foreign key' || kind === 'trigger')
      leftOut.push({
        what: `${kind} ${name}`,
        why: 'it depends on other tables or functions of the application',
      });
    else
      await add(
        `${kind} ${name}`,
        `ALTER TABLE ${table} ADD ${await named(client, 'CONSTRAINT', { place, name })} ${text}`,
      );
  }
  for (const { name, definition: text } of definition.indexes)
    await add(`index ${name}`, await indexOf(client, place, { name, text }));
  return leftOut;
}

function identityOf({ name, identity }: ArchivedColumn, place: Place): string {
  const [table, column] = [quotedPlace(place), identifier(name)];
  const kind = identity === 'always' ? 'ALWAYS' : 'BY DEFAULT';
  return `ALTER TABLE ${table} ALTER COLUMN ${column} ADD GENERATED ${kind} AS IDENTITY;
    SELECT setval(pg_get_serial_sequence('${table.replaceAll("'", "''")}', '${name.replaceAll("'", "''")}'), greatest(max(${column}), 1), max(${column}) >= 1) FROM ${table}`;
}

const NAME_FREE = "SELECT to_regclass(format('%I.%I', $1::text, $2::text)) IS NULL AS free";

/** The name that it had, unless something in the schema has it already; then Postgres chooses one. */
async function named(
  client: Client,
  keyword: 'CONSTRAINT' | '',
  { place, name }: { readonly place: Place; readonly name: string },
): Promise<string> {
  const { rows } = await client.query<{ free: boolean }>(NAME_FREE, [place.schema, name]);
  return rows[0]?.free === true ? `${keyword} ${identifier(name)}` : '';
}

/** `pg_get_indexdef` writes the name and the table of the source: another name and the new table take their place. */
async function indexOf(
  client: Client,
  place: Place,
  { name, text }: { readonly name: string; readonly text: string },
): Promise<string> {
  for (const unique of ['', 'UNIQUE '])
    for (const quoted of [name, identifier(name)])
      for (const only of ['', 'ONLY ']) {
        const beginning = `CREATE ${unique}INDEX ${quoted} ON ${only}public.agent_test_history `;
        if (text.startsWith(beginning))
          return `CREATE ${unique}INDEX ${await named(client, '', { place, name })} ON ${quotedPlace(place)} ${text.slice(beginning.length)}`;
      }
  throw new Error(`the definition of the index ${name} is not as pg_get_indexdef writes it`);
}

/** The columns of a row as texts, in the order of their hash. */
export function textsOf(columns: readonly ArchivedColumn[]): { readonly select: Sql; readonly names: Sql[] } {
  const names = columns.map((_, at) => identifier(`c${String(at)}`));
  const select = list(columns.map(({ name }, at) => sql`${identifier(name)}::text AS ${names[at] ?? sql``}`));
  return { select, names };
}
