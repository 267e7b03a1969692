import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../lib/config.ts';

/** The folder of all stacks: HISTORY_CDC_STATE_DIR, or one of the checkout's own, or one of the account's. */
export function stateFolder(environment: Environment): string {
  return path.resolve(given(environment, 'HISTORY_CDC_STATE_DIR') ?? ownFolder(environment));
}

/** Not below node_modules, where npm would remove the data with the package. */
function ownFolder(environment: Environment): string {
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  if (existsSync(path.join(root, 'stack', 'state-folder.ts'))) return path.join(root, '.stack');
  const states = given(environment, 'XDG_STATE_HOME');
  if (states !== undefined) return path.join(states, 'history-cdc');
  // Postgres does not run as root, and its account may not enter the home of root.
  if (process.getuid?.() === 0) return '/var/lib/history-cdc';
  return path.join(homedir(), '.local', 'state', 'history-cdc');
}

/** An empty variable counts as unset, as for every other setting. */
export function given(environment: Environment, name: string): string | undefined {
  return environment[name] === '' ? undefined : environment[name];
}
