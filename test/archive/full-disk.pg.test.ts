import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { listArchives } from '../../operations/archive/list.ts';
import { verifyArchive } from '../../operations/archive/verify.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();
const CLI = fileURLToPath(new URL('../../bin/history-cdc.mjs', import.meta.url));

/** The command in a shell whose files may have at most 1 MiB: what the kernel refuses is refused as by a full disk. */
async function exportWithin(folder: string): Promise<{ code: number | null; stderr: string }> {
  const line = 'ulimit -f 1024; exec "$0" "$1" archive export --json';
  const child = spawn('bash', ['-c', line, process.execPath, CLI], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      HISTORY_CDC_STATE_DIR: '/nonexistent',
      DATABASE_URL: world().database.url,
      ARCHIVE_TARGET: folder,
    },
  });
  const [stderr, [code]] = await Promise.all([
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stderr };
}

test('a folder without room is told by its code, nothing counts as verified, and the next export goes on', async () => {
  await hardRows(world().canonical);
  // What cannot be compressed: the object of this month is larger than what there is room for.
  await world().canonical.query(
    `UPDATE public.agent_test_history SET summary = $1
     WHERE id = (SELECT min(id::text)::uuid FROM public.agent_test_history WHERE started_at = '2024-02-29 23:59:59.000001+00')`,
    [randomBytes(3_000_000).toString('base64')],
  );
  const { folder, target } = world().fresh();
  const { code, stderr } = await exportWithin(folder);
  expect([code, stderr]).toEqual([2, expect.stringContaining('"ARCHIVE_TARGET_FULL"')]);
  expect(readdirSync(path.join(folder, '.partial'))).toEqual([]);
  const { archives } = await listArchives(world().canonical, target);
  expect(archives.filter(({ target: place }) => place === target.place)).toMatchObject([
    { state: 'unfinished' },
  ]);
  const context = { ...world(), target, signal: new AbortController().signal, progress: () => undefined };
  await expect(verifyArchive(context)).rejects.toMatchObject({ code: 'ARCHIVE_NONE' });
  expect((await exported({ ...world(), target })).isNew).toBe(true);
  expect((await verifyArchive(context)).verdict).toBe('verified');
}, 180_000);
