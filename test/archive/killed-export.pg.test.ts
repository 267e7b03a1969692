import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { exclusively } from '../../operations/archive/archive-store.ts';
import { listArchives } from '../../operations/archive/list.ts';
import { verifyArchive } from '../../operations/archive/verify.ts';
import { until } from '../support/until.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();
const CHILD = fileURLToPath(new URL('doomed-export.ts', import.meta.url));

beforeAll(async () => {
  await hardRows(world().canonical);
});

async function killed(folder: string, point: string, nth: number): Promise<void> {
  const args = ['--import', 'tsx', CHILD, world().database.url, folder, point, String(nth)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  expect(signal).toBe('SIGKILL');
  await until('its session has ended', async () => {
    const { rowCount } = await world().canonical.query(
      "SELECT FROM pg_stat_activity WHERE application_name = 'doomed' AND datname = current_database()",
    );
    return rowCount === 0;
  });
}

// There are ten months, and the manifest is the eleventh object.
describe.each([
  ['write', 7, 3],
  ['finish', 5, 4],
  ['finished', 5, 5],
  ['finished', 11, 10],
])('an export that is killed at %s number %i', (point, nth, complete) => {
  test('is no archive; the next one keeps its complete objects, and cleans up', async () => {
    const { folder, target } = world().fresh();
    await killed(folder, point, nth);
    const before = await listArchives(world().canonical, target);
    expect(before.archives.filter(({ target: place }) => place === target.place)).toMatchObject([
      { state: 'unfinished' },
    ]);
    await expect(
      verifyArchive({ ...world(), target, signal: new AbortController().signal, progress: () => undefined }),
    ).rejects.toMatchObject({ code: 'ARCHIVE_NONE' });
    const { kept, written, isNew } = await exported({ ...world(), target });
    expect({ kept: kept.length, written: written.length, isNew }).toEqual({
      kept: complete,
      written: 10 - complete,
      isNew: true,
    });
    expect(readdirSync(path.join(folder, '.partial'))).toEqual([]);
    const again = { ...world(), target, signal: new AbortController().signal, progress: () => undefined };
    expect((await verifyArchive(again)).verdict).toBe('verified');
  });
});

test('objects of a killed export whose month changed since are not kept', async () => {
  const { folder, target } = world().fresh();
  await killed(folder, 'finish', 11);
  await world().canonical.query(
    "UPDATE public.agent_test_history SET brief = 'changed' WHERE started_at = '2024-02-29 23:59:59.000001+00'",
  );
  expect((await exported({ ...world(), target })).written).toEqual(['2024-02']);
});

test('two exports at once: the second says which session is at work', async () => {
  await exclusively(world().canonical, async () => {
    await expect(exported({ ...world(), ...world().fresh() })).rejects.toMatchObject({
      code: 'ARCHIVE_BUSY',
    });
  });
  expect((await exported({ ...world(), ...world().fresh() })).isNew).toBe(true);
});
