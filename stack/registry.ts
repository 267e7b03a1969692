import path from 'node:path';
import { JVM_OPTIONS, QUICK_START } from './jvm.ts';
import type { LaunchCommand } from './process.ts';
import { getJson, serverEnvironment, type Server, type StartContext } from './server.ts';
import { addressesOf, type StackState } from './state.ts';

const HEAP = '256m';

export const registry: Server = {
  name: 'registry',
  title: 'the schema registry',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: [],
  prepare,
  probe: async (state) => {
    await getJson(`${addressesOf(state).schemaRegistryUrl}/subjects`);
  },
};

async function prepare({ instance, state, environment, jvm }: StartContext): Promise<LaunchCommand> {
  const { java, runtime } = await jvm();
  const options = Object.entries(settings(state, path.join(instance.folder, 'registry', 'db')));
  return {
    file: java,
    args: [
      '-Xms32m',
      `-Xmx${HEAP}`,
      ...JVM_OPTIONS,
      QUICK_START,
      ...options.map(([name, value]) => `-D${name}=${value}`),
      '-jar',
      runtime.registryJar,
    ],
    cwd: instance.folder,
    env: serverEnvironment(environment),
  };
}

function settings({ ports }: StackState, database: string): Record<string, string> {
  return {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': String(ports.registry),
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': String(ports.registryManagement),
    'quarkus.banner.enabled': 'false',
    'quarkus.log.level': 'WARN',
    'quarkus.http.access-log.enabled': 'false',
    // Kept on disk, and there before the answer (H2 may otherwise take half a second): with a schema id that the
    // registry forgot, no record in Kafka could be decoded any more.
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': `jdbc:h2:file:${database};DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0`,
    'apicurio.datasource.jdbc.initial-size': '1',
    'apicurio.datasource.jdbc.min-size': '1',
    'apicurio.datasource.jdbc.max-size': '8',
  };
}
