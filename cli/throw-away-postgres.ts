import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Environment } from '../lib/config.ts';
import type { ThrowAwayPostgres } from '../operations/archive/drill.ts';
import { removeAbandonedStacks, startStack } from '../stack/stack.ts';
import { stateFolder } from '../stack/state-folder.ts';

const FOLDER = 'history-cdc-drill-';

/** A Postgres of its own in a temporary folder. What a drill that was killed has left goes first. */
export async function startThrowAwayPostgres(
  given: Environment,
  onProgress: (line: string) => void,
): Promise<ThrowAwayPostgres> {
  await removeAbandoned(given, onProgress);
  const folder = mkdtempSync(path.join(tmpdir(), FOLDER));
  const environment = { ...given, HISTORY_CDC_STATE_DIR: folder };
  shareRuntime(given, folder);
  const options = { environment, name: 'drill', onProgress, components: ['postgres'] as const };
  try {
    const stack = await startStack({ ...options, unsafeFast: true, owned: true });
    return {
      url: stack.addresses.superuserUrl,
      stop: async () => {
        await stack.stop({ purge: true });
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Postgres's programs are those of the stacks, so that a drill does not fetch them anew. */
function shareRuntime(given: Environment, folder: string): void {
  const runtime = path.join(stateFolder(given), 'runtime');
  mkdirSync(runtime, { recursive: true });
  symlinkSync(runtime, path.join(folder, 'runtime'));
}

/** A folder whose drill still runs keeps its instance, and stays. */
async function removeAbandoned(given: Environment, onProgress: (line: string) => void): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(FOLDER))) {
    const folder = path.join(tmpdir(), name);
    try {
      await removeAbandonedStacks({ environment: { ...given, HISTORY_CDC_STATE_DIR: folder }, onProgress });
      const left = readdirSync(path.join(folder, 'instances'), { withFileTypes: true });
      if (!left.some((entry) => entry.isDirectory())) rmSync(folder, { recursive: true, force: true });
    } catch {
      // It belongs to another account.
    }
  }
}
