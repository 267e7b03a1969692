import { withPool } from './databases.ts';
import type { BenchStack } from './stack.ts';
import { ConnectClient } from '../connectors/deploy/connect-client.ts';

const SOURCE = 'io.debezium.connector.postgresql.PostgresConnector';

/** What took part, and in which version. */
export async function versionsOf({ addresses, databases }: BenchStack): Promise<Record<string, string>> {
  const connect = new ConnectClient({ url: addresses.connectUrl, secrets: [] });
  const plugins = await connect.plugins();
  const postgres = await withPool(databases.superuserUrlOf('postgres'), async (pool) => {
    return (await pool.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version;
  });
  return {
    Postgres: postgres ?? 'unknown',
    'Kafka and Connect': (await connect.worker()).version,
    "Debezium's Postgres connector": plugins.find((plugin) => plugin.class === SOURCE)?.version ?? 'unknown',
    "Debezium's JDBC sink": '3.6.0.Final',
    Node: process.versions.node,
  };
}
