import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../lib/config.ts';
import { messageOf } from '../lib/errors.ts';
import { withLock } from './lock.ts';
import { newFolder } from './new-folder.ts';
import { missing } from './prerequisites.ts';
import { stateFolder } from './state-folder.ts';

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
  /** Alertmanager's own check of its configuration. */
  readonly amtool: string;
}

const FETCH_WITHIN_MS = 10 * 60_000;
const PACKAGES = ['prometheus', 'prometheus-alertmanager'];

/**
 * Prometheus, promtool and amtool: those on the PATH, or else Debian's packages, fetched by apt into the state
 * folder and unpacked there. Nothing is installed and no root is needed. apt checks Debian's signature on its lists,
 * and the lists' SHA-256 of each package. Throws STACK_PREREQUISITE if neither can be had.
 */
export async function fetchPrometheus(
  environment: Environment,
  onProgress: (line: string) => void,
): Promise<PrometheusPrograms> {
  const installed = onPath(environment);
  if (installed !== undefined) return installed;
  const root = path.join(stateFolder(environment), 'runtime');
  const folder = path.join(root, 'prometheus-debian');
  if (!existsSync(folder)) {
    const lock = {
      file: `${folder}.lock`,
      purpose: 'download of Prometheus',
      withinMs: FETCH_WITHIN_MS,
      onProgress,
    };
    await withLock(lock, () =>
      newFolder(folder, async (into) => {
        onProgress('fetching Prometheus and Alertmanager by apt (30 MB, once)');
        await unpackDebian(into, environment);
      }),
    );
  }
  const program = (name: string) => path.join(folder, 'usr', 'bin', name);
  return {
    prometheus: program('prometheus'),
    promtool: program('promtool'),
    amtool: program('amtool'),
  };
}

function onPath(environment: Environment): PrometheusPrograms | undefined {
  const find = (name: string) =>
    (environment['PATH'] ?? '')
      .split(path.delimiter)
      .map((folder) => path.join(folder, name))
      .find((file) => existsSync(file));
  const [prometheus, promtool, amtool] = [find('prometheus'), find('promtool'), find('amtool')];
  if (prometheus === undefined || promtool === undefined || amtool === undefined) return undefined;
  return { prometheus, promtool, amtool };
}

/** With lists of its own, because the machine may have none, and only root may fetch the machine's. */
async function unpackDebian(into: string, environment: Environment): Promise<void> {
  const [lists, cache] = [path.join(into, 'lists'), path.join(into, 'cache')];
  for (const folder of [path.join(lists, 'partial'), path.join(cache, 'archives', 'partial')])
    mkdirSync(folder, { recursive: true });
  const options = [`Dir::State::lists=${lists}`, `Dir::Cache=${cache}`, 'Debug::NoLocking=true']
    .concat(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : [])
    .flatMap((option) => ['-o', option]);
  const run = async (file: string, ...args: string[]) => {
    await promisify(execFile)(file, args, { cwd: into, env: { ...environment, LC_ALL: 'C' } });
  };
  try {
    await run('apt-get', ...options, 'update', '-qq');
    await run('apt-get', ...options, 'download', '-qq', ...PACKAGES);
    const packages = readdirSync(into).filter((file) => file.endsWith('.deb'));
    for (const file of packages) await run('dpkg-deb', '-x', file, '.');
    for (const file of [...packages, 'lists', 'cache'])
      rmSync(path.join(into, file), { recursive: true, force: true });
  } catch (error) {
    throw missing(
      `apt could not fetch Prometheus: ${messageOf(error).split('\n').slice(0, 2).join(' ')}`,
      'put prometheus, promtool and amtool on the PATH (Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager)',
    );
  }
}
