import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { drillArchive } from '../../operations/archive/drill.ts';
import { manifestName, sha256Of, type Manifest } from '../../operations/archive/manifest.ts';
import { freshDatabase } from '../support/database.ts';
import { FETCHED_POSTGRES } from '../support/own-postgres.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';
import { LEGACY, rowsOf, withCopyPool } from './restored.ts';

const world = useArchiveWorld();
let manifest: Manifest;

beforeAll(async () => {
  await hardRows(world().canonical);
  ({ manifest } = await exported(world()));
});

const settings = () => ({
  DATABASE_URL: world().database.url,
  ARCHIVE_TARGET: world().folder,
  LOG_LEVEL: 'silent',
});
const archive = async (args: readonly string[], more: Readonly<Record<string, string | undefined>> = {}) =>
  await runInProcess(['archive', ...args, '--json'], { ...settings(), ...more });
const events = async () =>
  (
    await world().canonical.query<{ event: string; rows: string }>(
      'SELECT event, rows FROM history_cdc.archive_event ORDER BY id',
    )
  ).rows.map(({ event, rows }) => `${event} ${rows}`);

test('restore is a dry run, then makes the table in another database, and refuses to do it twice', async () => {
  const other = await freshDatabase();
  try {
    const there = { RESTORE_DATABASE_URL: other.url };
    const dry = await archive(['restore'], there);
    expect(dry.code).toBe(0);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      applied: false,
      archive: manifest.id,
      rows: manifest.rows,
    });
    const { code, stdout } = await archive(['restore', '--apply'], there);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        applied: true,
        archive: manifest.id,
        table: 'public.agent_test_history',
        rows: manifest.rows,
        contentSha256: manifest.contentSha256,
        leftOut: [
          { what: 'foreign key agent_test_history_agent_context_id_fkey', why: expect.any(String) as string },
        ],
      },
    ]);
    await withCopyPool(other.url, async (pool) => {
      expect(await rowsOf(pool, LEGACY)).toEqual(await rowsOf(world().canonical, LEGACY));
    });
    expect((await archive(['restore', '--apply'], there)).code).toBe(2);
    expect((await listActions(world().canonical, 1)).map(({ command, counts }) => [command, counts])).toEqual(
      [['archive restore --apply', { rows: manifest.rows }]],
    );
  } finally {
    await other.drop();
  }
});

test('with the hash of its manifest alone, an archive comes back without the database that recorded it', async () => {
  const hash = sha256Of(readFileSync(path.join(world().folder, manifestName(manifest.id))));
  const other = await freshDatabase();
  try {
    const there = { RESTORE_DATABASE_URL: other.url, DATABASE_URL: undefined };
    const given = ['restore', manifest.id, '--manifest-sha256'];
    expect((await archive([...given, hash, '--apply'], there)).code).toBe(0);
    const wrong = await archive([...given, '0'.repeat(64), '--as', 'another'], there);
    expect([wrong.code, JSON.parse(wrong.stderr)]).toEqual([
      2,
      expect.objectContaining({ code: 'ARCHIVE_DAMAGED' }),
    ]);
  } finally {
    await other.drop();
  }
});

test('a drill restores into a server of its own, records what came of it, and leaves nothing behind', async () => {
  const before = await events();
  const good = await archive(['drill'], FETCHED_POSTGRES);
  expect([good.code, JSON.parse(good.stdout)]).toMatchObject([
    0,
    { passed: true, rows: manifest.rows, archive: manifest.id },
  ]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('history-cdc-drill-'))).toEqual([]);
  expect(await events()).toEqual([...before, `drilled ${String(manifest.rows)}`]);
});

test('a drill of an archive that lacks an object did not pass, and that is recorded', async () => {
  const other = await freshDatabase();
  try {
    const before = await events();
    rmSync(path.join(world().folder, manifest.objects[0]?.name ?? ''));
    const { canonical, target } = world();
    const drill = await drillArchive({
      canonical,
      target,
      manifest,
      start: () => Promise.resolve({ url: other.superuserUrl, stop: () => Promise.resolve() }),
      signal: new AbortController().signal,
      progress: () => undefined,
    });
    expect(drill).toMatchObject({ passed: false, code: 'ARCHIVE_OBJECT_MISSING' });
    expect(await events()).toEqual([...before, `drill_differs ${String(manifest.rows)}`]);
  } finally {
    await other.drop();
  }
});
