import { execFile } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');

/** A line of a shell in which `cdc` is the command, as a real process, on a machine without a stack. */
async function shell(line: string): Promise<{ code: number; stderr: string }> {
  const script = `set -o pipefail; cdc() { "${process.execPath}" bin/history-cdc.mjs "$@"; }; ${line}`;
  const env = { ...process.env, HISTORY_CDC_STATE_DIR: temporaryFolder() };
  return await new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd: REPOSITORY, env }, (error, _, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

// The reader is gone before the command writes. `stack status` says no, because there is no stack.
test.each([
  ['a yes stays a yes', 'cdc stack list | true', 0],
  ['a no stays a no', 'cdc stack status | true', 1],
  ['a long answer to a reader that stops', 'cdc config | head -1', 0],
])('a closed pipe: %s', async (_, line, code) => {
  await expect(shell(line)).resolves.toMatchObject({ code, stderr: '' });
});

test.runIf(process.platform === 'linux')(
  'a full disk is exit code 2 with a sentence, in JSON where asked',
  async () => {
    const text = await shell('cdc stack list > /dev/full');
    expect(text.code).toBe(2);
    expect(text.stderr).toMatch(/^error OUTPUT_FAILED: .+\n {2}way out: .+\n$/);
    const json = await shell('cdc stack list --json > /dev/full');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'OUTPUT_FAILED' });
    // With a full disk on both sides the exit code alone tells.
    await expect(shell('cdc stack list > /dev/full 2> /dev/full')).resolves.toMatchObject({ code: 2 });
  },
);
