import type { TestProject } from 'vitest/node';
import { removeAbandonedStacks, startStack } from '../../stack/stack.ts';
import type { ServerName } from '../../stack/state.ts';
import './provided.ts';

/**
 * Starts servers for one run of one project, hands their addresses to its tests, and returns what ends them. The
 * name carries the process, so two runs side by side, and a developer's own stack, are never in each other's way;
 * what a killed run left behind goes first.
 */
export async function startServers(
  project: TestProject,
  components: readonly ServerName[],
): Promise<() => Promise<void>> {
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  const environment = process.env;
  await removeAbandonedStacks({ environment, onProgress });
  const name = `test-${project.name}-${String(process.pid)}`;
  const options = { components, unsafeFast: true, owned: true };
  const stack = await startStack({ environment, name, onProgress, ...options });
  project.provide('servers', stack.addresses);
  project.provide('instance', stack.name);
  return async () => {
    await stack.stop({ purge: true });
  };
}
