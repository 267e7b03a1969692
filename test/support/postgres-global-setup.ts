import type { TestProject } from 'vitest/node';
import { startServers } from './start-servers.ts';

/** For the project `pg`: a Postgres of its own, made anew and removed at the end, whatever became of the tests. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  return await startServers(project, ['postgres']);
}
