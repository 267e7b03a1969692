import type { TestProject } from 'vitest/node';
import pg from 'pg';
import { ROLES } from '../../stack/state.ts';
import { OwnPostgres } from './own-postgres.ts';
import { startServers } from './start-servers.ts';

/**
 * For the project `pg`: a Postgres of its own, made anew and removed at the end, whatever became of the tests. It is the
 * newest one; with TEST_POSTGRES=14 it is the oldest one that is supported.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_POSTGRES: version = '' } = process.env;
  if (version === '') return await startServers(project, ['postgres']);
  if (version !== '14') throw new Error(`TEST_POSTGRES is ${version}; it can be 14, or unset for the newest`);
  return await startOldest(project);
}

async function startOldest(project: TestProject): Promise<() => Promise<void>> {
  const server = await OwnPostgres.start({ version: 14, settings: { shared_buffers: '256MB' } });
  const superuserUrl = server.urlOf(ROLES.superuser, 'postgres');
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  await client.query(`CREATE ROLE ${ROLES.connector} LOGIN REPLICATION`);
  await client.end();
  const nowhere = { kafkaBrokers: '', connectUrl: '', schemaRegistryUrl: '', connectorSchemaRegistryUrl: '' };
  project.provide('servers', {
    databaseUrl: server.urlOf(ROLES.app),
    connectorDatabaseUrl: server.urlOf(ROLES.connector),
    superuserUrl,
    ...nowhere,
    s3Url: '',
  });
  project.provide('instance', 'none');
  return () => server.stop();
}
