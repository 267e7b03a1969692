import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import './provided.ts';

export interface TestDatabase {
  readonly name: string;
  /** As `app`, an ordinary role, which owns the database. */
  readonly url: string;
  /** As Debezium's role, without its password. */
  readonly connectorUrl: string;
  /** As superuser: for what a DBA does. */
  readonly superuserUrl: string;
  drop(): Promise<void>;
}

/** A database to copy: built on first use, by whichever worker comes first, and then shared by all of a run. */
export interface Template {
  readonly name: string;
  /** Fills it, connected as `app`, or as superuser; must leave no connection open. */
  build(urls: { readonly url: string; readonly superuserUrl: string }): Promise<void>;
}

const TEMPLATE_LOCK = 7_260_401;

/** A database that nobody else uses: empty, or a copy of the template. Call it once a test file. */
export async function freshDatabase(options: { readonly template?: Template } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const { template } = options;
  await asSuperuser(async (client) => {
    if (template !== undefined) await ensureTemplate(client, template);
    const source = template === undefined ? 'template1' : template.name;
    await client.query(`CREATE DATABASE ${quoted(name)} OWNER app TEMPLATE ${quoted(source)}`);
  });
  return {
    name,
    ...urlsOf(name),
    drop: async () => {
      await asSuperuser((client) => client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`));
    },
  };
}

/** Built under another name first: a template that exists is complete, also after a worker was killed. */
async function ensureTemplate(client: pg.Client, template: Template): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template.name]);
    if (rowCount !== 0) return;
    const unfinished = `${template.name}_unfinished`;
    await client.query(`DROP DATABASE IF EXISTS ${quoted(unfinished)} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${quoted(unfinished)} OWNER app`);
    await template.build(urlsOf(unfinished));
    await client.query(`ALTER DATABASE ${quoted(unfinished)} RENAME TO ${quoted(template.name)}`);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

function urlsOf(database: string): Pick<TestDatabase, 'url' | 'connectorUrl' | 'superuserUrl'> {
  const { databaseUrl, connectorDatabaseUrl, superuserUrl } = inject('servers');
  return {
    url: withDatabase(databaseUrl, database),
    connectorUrl: withDatabase(connectorDatabaseUrl, database),
    superuserUrl: withDatabase(superuserUrl, database),
  };
}

/** The same server and role, another database. */
export function withDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

async function asSuperuser<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: inject('servers').superuserUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function quoted(identifier: string): string {
  return pg.escapeIdentifier(identifier);
}
