import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { JVM_OPTIONS, QUICK_START } from './jvm.ts';
import { findJava } from './prerequisites.ts';
import type { LaunchCommand } from './process.ts';
import { fetchS3 } from './runtime.ts';
import { serverEnvironment, type Server, type StartContext } from './server.ts';
import { addressesOf, BUCKET } from './state.ts';

const HEAP = '192m';
const PROBE_TIMEOUT_MS = 5_000;

/**
 * An object store for `history-cdc archive` on a local stack. It checks checksums and conditional writes as S3 does,
 * and has no login. It also opens a second port on all addresses, at random, which its settings cannot switch off: no
 * real data belongs here.
 */
export const s3: Server = {
  name: 's3',
  title: 'the object store',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: [],
  prepare,
  probe: async (state) => {
    const url = `${addressesOf(state).s3Url}/${BUCKET}?list-type=2&max-keys=1`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`GET ${url} answers ${String(answer.status)}`);
  },
};

async function prepare({ instance, state, environment, onProgress }: StartContext): Promise<LaunchCommand> {
  const root = path.join(instance.folder, 's3');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const options = {
    'server.address': '127.0.0.1',
    'server.port': String(state.ports.s3),
    'server.ssl.enabled': 'false',
    'http.port': '0',
    'logging.level.root': 'WARN',
    'spring.main.banner-mode': 'off',
    'com.adobe.testing.s3mock.store.root': root,
    'com.adobe.testing.s3mock.store.retainFilesOnExit': 'true',
    'com.adobe.testing.s3mock.store.initialBuckets': BUCKET,
  };
  const jar = await fetchS3(environment, onProgress);
  return {
    file: findJava(environment),
    args: [
      '-Xms32m',
      `-Xmx${HEAP}`,
      ...JVM_OPTIONS,
      QUICK_START,
      ...Object.entries(options).map(([name, value]) => `-D${name}=${value}`),
      '-jar',
      jar,
    ],
    cwd: instance.folder,
    env: serverEnvironment(environment),
  };
}
