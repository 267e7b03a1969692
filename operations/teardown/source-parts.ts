import pRetry from 'p-retry';
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { inTransaction, type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { identifier, lines, list, literal, sql, type Sql } from '../../lib/quoting.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { readPublication, readSlot, type SlotFacts } from '../facts/postgres.ts';
import { Blocked, NOTHING, type Found, type Part } from './part.ts';
import { removeRole, roleFound } from './role.ts';

const SESSION = sqlFile(import.meta.url, './sql/session.sql');
const OBJECT_IN_USE = '55006';
const INSUFFICIENT_PRIVILEGE = '42501';

interface SessionRights {
  readonly role: string;
  readonly database: string;
  readonly may_drop_slots: boolean;
}

const dropSlot = (name: string) => sql`SELECT pg_drop_replication_slot(${literal(name)});`;

/** A slot of another database or of another kind has our name, and is not ours. */
function notOurs(slot: SlotFacts, database: string): string | undefined {
  if (slot.plugin === null) return `${slot.name} is a physical slot, so it is not the connector's`;
  return slot.database === database
    ? undefined
    : `${slot.name} belongs to the database ${slot.database ?? '?'}`;
}

export const SLOT: Part = {
  after: ['connector'],
  togetherWith: [],
  look: async ({ services, config: { SLOT_NAME: name } }) => {
    const slot = await readSlot(services.legacy(), name);
    if (slot === null) return NOTHING;
    const session = await sessionRights(services.legacy());
    const kept = notOurs(slot, session.database);
    if (kept !== undefined) return { things: [name], obstacle: { why: kept } };
    const why = `${session.role} lacks REPLICATION, and so may not drop it: give LEGACY_DATABASE_URL a role that may, or delete the connector (\`history-cdc connector delete --forget-offsets\`) when a DBA is ready to run this at once`;
    return { things: [name], obstacle: session.may_drop_slots ? undefined : { why, byHand: dropSlot(name) } };
  },
  /** A task that was about to start when its connector was deleted reads the slot for a moment longer. */
  remove: async ({ services, config: { SLOT_NAME: name } }) => {
    const statement =
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
    const drop = () => services.legacy().query(statement, [name]);
    await pRetry(drop, {
      retries: 40,
      minTimeout: 100,
      maxTimeout: 500,
      shouldRetry: ({ error }) => sqlState(error) === OBJECT_IN_USE,
    }).catch((error: unknown) => {
      throw sqlState(error) === OBJECT_IN_USE
        ? new Blocked({
            why: `something still reads the slot ${name}: end it, then run this again`,
            byHand: dropSlot(name),
          })
        : error;
    });
  },
};

async function sessionRights(client: Client): Promise<SessionRights> {
  const [row] = (await client.query<SessionRights>(SESSION)).rows;
  if (row === undefined) throw new Error('the question to Postgres gave no row');
  return row;
}

const OURS = new Set([
  'public.agent_test_history',
  'history_cdc_source.signal',
  'history_cdc_source.heartbeat',
]);
const PUBLICATION_OWNER = `
  SELECT pg_has_role(pubowner, 'USAGE') AS may, pg_get_userbyid(pubowner) AS owner FROM pg_publication WHERE pubname = $1`;

export const PUBLICATION: Part = {
  after: ['connector', 'slot'],
  togetherWith: [],
  look: async ({ services, config: { PUBLICATION_NAME: name } }) => {
    const publication = await readPublication(services.legacy(), name);
    if (publication === null) return NOTHING;
    const others = publication.tables.filter((table) => !OURS.has(table));
    if (publication.allTables || others.length > 0) {
      const what = publication.allTables ? 'the whole database' : others.join(', ');
      return { things: [name], obstacle: { why: `it also publishes ${what}, so somebody else may use it` } };
    }
    const { rows } = await services
      .legacy()
      .query<{ may: boolean; owner: string }>(PUBLICATION_OWNER, [name]);
    const [owner] = rows;
    if (owner?.may === true) return { things: [name] };
    return {
      things: [name],
      obstacle: { why: `its owner is ${owner?.owner ?? '?'}`, byHand: dropPublication(name) },
    };
  },
  remove: async ({ services, config: { PUBLICATION_NAME: name } }) => {
    await byOwner(services.legacy().query(dropPublication(name)), dropPublication(name));
  },
};

const dropPublication = (name: string) => sql`DROP PUBLICATION IF EXISTS ${identifier(name)};`;

const SOURCE_SCHEMA = sqlFile(import.meta.url, './sql/source-schema.sql');

interface SourceObject {
  /** Quoted. */
  readonly place: Sql;
  readonly kind: 'schema' | 'table' | 'other';
  readonly owner: string;
  readonly may: boolean;
  /** Other publications that publish it. */
  readonly published: readonly string[];
}

export const SOURCE_TABLES: Part = {
  after: ['connector', 'slot', 'publication'],
  togetherWith: [],
  look: async ({ services, config }) => {
    const { rows } = await services.legacy().query<SourceObject>(SOURCE_SCHEMA, [config.PUBLICATION_NAME]);
    return {
      things: rows.filter(({ kind }) => kind !== 'other').map(({ place }) => place),
      obstacle: obstacleOf(rows),
    };
  },
  remove: async ({ services, config }) => {
    const { rows } = await services.legacy().query<SourceObject>(SOURCE_SCHEMA, [config.PUBLICATION_NAME]);
    const obstacle = obstacleOf(rows);
    if (obstacle !== undefined) throw new Blocked(obstacle);
    const statements = dropObjects(rows);
    await byOwner(
      inTransaction(services.legacy(), (client) => client.query(statements)),
      statements,
    );
  },
};

function obstacleOf(rows: readonly SourceObject[]): Found['obstacle'] {
  const others = rows.filter(({ kind }) => kind === 'other').map(({ place }) => place);
  if (others.length > 0)
    return { why: `the schema history_cdc_source also holds ${others.join(', ')}, which is not ours` };
  const published = [...new Set(rows.flatMap((row) => row.published))];
  if (published.length > 0)
    return { why: `another connector may use these tables: ${published.join(', ')} also publishes them` };
  const owners = [...new Set(rows.filter(({ may }) => !may).map(({ owner }) => owner))];
  if (owners.length === 0) return undefined;
  return { why: `their owner is ${owners.join(', ')}`, byHand: dropObjects(rows) };
}

/** RESTRICT, so that nothing that somebody else made goes with them. */
function dropObjects(rows: readonly SourceObject[]): Sql {
  const tables = rows.filter(({ kind }) => kind === 'table').map(({ place }) => place);
  const schemas = rows.filter(({ kind }) => kind === 'schema').map(({ place }) => place);
  return lines(
    ...(tables.length === 0 ? [] : [sql`DROP TABLE ${list(tables)} RESTRICT;`]),
    ...(schemas.length === 0 ? [] : [sql`DROP SCHEMA ${list(schemas)} RESTRICT;`]),
  );
}

export const ROLE: Part = {
  after: ['connector', 'slot', 'publication', 'source-tables'],
  togetherWith: [],
  look: async ({ services, config }) => await roleFound(services.legacy(), connectorRole(config)),
  remove: async ({ services, config }) => {
    await removeRole(services.legacy(), connectorRole(config));
  },
};

/** A refusal for lack of rights comes with the statement that the owner can run. */
export async function byOwner(work: Promise<unknown>, statement: Sql): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Blocked(
      { why: 'the role that this command logs in with may not do it', byHand: statement },
      error,
    );
  }
}
