import { createHash } from 'node:crypto';
import { createApplication } from '../../demo/generate.ts';
import { migrate, readMigrations } from '../../consumers/agent-test-history/schema/migrate.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { freshDatabase, type Template, type TestDatabase } from './database.ts';

/** The application's tables: a database before history-cdc comes near it. */
const APPLICATION = templateOf('template_application', createApplication);

/**
 * The application's tables and our schema, as `migrate` leaves them. The name carries the migrations: a server that
 * serves several runs (`test/mutants`) must not give one the schema of another.
 */
const MIGRATED = templateOf(`template_migrated_${hashOfMigrations()}`, async (pool) => {
  await createApplication(pool);
  await migrate(pool, undefined);
});

function hashOfMigrations(): string {
  const hash = createHash('sha256');
  for (const { sha256 } of readMigrations()) hash.update(sha256);
  return hash.digest('hex').slice(0, 16);
}

function templateOf(name: string, fill: (pool: Pool) => Promise<void>): Template {
  return {
    name,
    build: async ({ url }) => {
      const pool = createPool({ url, name: 'template', connections: 1 });
      try {
        await fill(pool);
      } finally {
        await pool.end();
      }
    },
  };
}

export interface OpenDatabase {
  readonly database: TestDatabase;
  /** As the application's role, with the settings of every pool of ours. */
  readonly pool: Pool;
  close(): Promise<void>;
}

/** A migrated database of one's own, with a pool on it. */
export async function openMigratedDatabase(connections = 4): Promise<OpenDatabase> {
  return opened(await freshDatabase({ template: MIGRATED }), connections);
}

/** The same before `migrate`: the application's tables only. */
export async function openApplicationDatabase(connections = 4): Promise<OpenDatabase> {
  return opened(await freshDatabase({ template: APPLICATION }), connections);
}

function opened(database: TestDatabase, connections: number): OpenDatabase {
  const pool = createPool({ url: database.url, name: 'test', connections });
  return {
    database,
    pool,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}
