import path from 'node:path';
import { tlsFiles } from './certificates.ts';
import { JVM_OPTIONS, QUICK_START, writeProperties } from './jvm.ts';
import type { LaunchCommand } from './process.ts';
import { getJson, serverEnvironment, type Server, type StartContext } from './server.ts';
import { WEB_USER, type Secure } from './secure.ts';
import { addressesOf, caFileOf, type StackState } from './state.ts';

const HEAP = '256m';

export const registry: Server = {
  name: 'registry',
  title: 'the schema registry',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: [],
  prepare,
  probe: async (state) => {
    await getJson(addressesOf(state).schemaRegistryUrl, '/subjects', caFileOf(state));
  },
};

async function prepare({ instance, state, environment, jvm }: StartContext): Promise<LaunchCommand> {
  const { java, runtime } = await jvm();
  const { secure } = state;
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
    env: {
      ...serverEnvironment(environment),
      // A file passes the passwords, because everybody can read the arguments of a process.
      ...(secure !== undefined && {
        SMALLRYE_CONFIG_LOCATIONS: writeProperties(instance, 'registry.properties', secureSettings(secure)),
      }),
    },
  };
}

/** One user may do everything. Without a login, nobody may do anything, not even ask for the version. */
function secureSettings({ tls, passwords }: Secure): Record<string, string> {
  const files = tlsFiles(tls);
  return {
    'quarkus.http.auth.basic': 'true',
    'quarkus.http.auth.permission.everything.paths': '/*',
    'quarkus.http.auth.permission.everything.policy': 'authenticated',
    'quarkus.security.users.embedded.plain-text': 'true',
    [`quarkus.security.users.embedded.users.${WEB_USER}`]: passwords.registry,
    [`quarkus.security.users.embedded.roles.${WEB_USER}`]: 'sr-admin',
    'quarkus.http.ssl.certificate.files': files.certificate('registry'),
    'quarkus.http.ssl.certificate.key-files': files.key('registry'),
  };
}

function settings({ ports, secure }: StackState, database: string): Record<string, string> {
  const port = String(ports.registry);
  return {
    'quarkus.http.host': '127.0.0.1',
    ...(secure === undefined
      ? { 'quarkus.http.port': port }
      : { 'quarkus.http.insecure-requests': 'disabled', 'quarkus.http.ssl-port': port }),
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': String(ports.registryManagement),
    'quarkus.banner.enabled': 'false',
    'quarkus.log.level': 'WARN',
    'quarkus.http.access-log.enabled': 'false',
    // The schemas are on disk before the registry answers; by default H2 may take half a second more. If the registry
    // forgot a schema id, no record in Kafka with this id could be decoded any more.
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': `jdbc:h2:file:${database};DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0`,
    'apicurio.datasource.jdbc.initial-size': '1',
    'apicurio.datasource.jdbc.min-size': '1',
    'apicurio.datasource.jdbc.max-size': '8',
  };
}
