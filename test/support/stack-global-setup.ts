import type { TestProject } from 'vitest/node';
import { SERVER_NAMES } from '../../stack/state.ts';
import { startServers } from './start-servers.ts';

/** For the project `stack`: all four servers, made anew and removed at the end, whatever became of the tests. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  return await startServers(project, SERVER_NAMES);
}
