import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { recordedArchives } from '../../operations/archive/archive-store.ts';
import { eraseUser, planErasure, type EraseContext } from '../../operations/archive/erase.ts';
import { listArchives } from '../../operations/archive/list.ts';
import { recordedManifest } from '../../operations/archive/load-manifest.ts';
import type { Manifest } from '../../operations/archive/manifest.ts';
import { readArchive } from '../../operations/archive/read-object.ts';
import type { Target } from '../../operations/archive/target.ts';
import { verifyArchive } from '../../operations/archive/verify.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { exported, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();
const [USER, OTHER] = ['user_to_be_erased', 'user_who_stays'];
let here: { readonly folder: string; readonly target: Target };
/** The first archive, and the newest one. */
let archives: readonly [Manifest, Manifest];

const INSERT = `
  INSERT INTO public.agent_test_history
    (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, user_id, summary, started_at)
  VALUES ($1, $2, 'quality_evaluation', true, 1, 0, $3, $4, $5)`;

async function insert(user: string | null, day: string): Promise<void> {
  const { rows } = await world().canonical.query<{ id: string }>(
    'SELECT id FROM public.agent_contexts LIMIT 1',
  );
  const context = rows[0]?.id ?? randomUUID();
  if (rows.length === 0)
    await world().canonical.query(
      "INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, 'org', 'https://agent.example')",
      [context],
    );
  await world().canonical.query(INSERT, [randomUUID(), context, user, `of ${String(user)}`, day]);
}

/** Two archives: January holds rows of both, February of the user alone, March of the other; April came with the second. */
async function twoArchives(): Promise<void> {
  await world().canonical.query('DELETE FROM public.agent_test_history');
  for (const day of ['2026-01-01', '2026-01-02', '2026-02-01']) await insert(USER, day);
  for (const day of ['2026-01-03', '2026-03-01']) await insert(OTHER, day);
  await insert(null, '2026-01-04');
  here = world().fresh();
  const first = await exported(world(), here);
  await insert(OTHER, '2026-04-01');
  const second = await exported(world(), here);
  archives = [first.manifest, second.manifest];
}

beforeEach(twoArchives);

const context = (more: Partial<EraseContext> = {}): EraseContext => ({
  canonical: world().canonical,
  target: here.target,
  user: USER,
  signal: new AbortController().signal,
  progress: () => undefined,
  ...more,
});

/** Every byte that lies in the folder, and every row of every object, decompressed. */
async function everything(): Promise<string> {
  const texts: string[] = [];
  for (const archive of await recordedArchives(world().canonical)) {
    if (archive.target !== here.target.place || archive.manifest_sha256 === null) continue;
    const manifest = await recordedManifest(here.target, archive);
    texts.push(JSON.stringify(manifest));
    for await (const rows of readArchive(here.target, manifest))
      texts.push(...rows.map(({ values }) => values.map(String).join(' ')));
  }
  return texts.join('\n');
}

const objects = () =>
  readdirSync(path.join(here.folder, 'objects'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(here.folder, path.join(entry.parentPath, entry.name)));

async function listed(prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of here.target.list(prefix)) names.push(name);
  return names;
}

async function expectErased(): Promise<void> {
  const text = await everything();
  expect(text).not.toContain(USER);
  expect(text.split(`of ${OTHER}`)).toHaveLength(6);
  const old = archives[1].objects.filter(({ month }) => ['2026-01', '2026-02'].includes(month));
  for (const { name } of old) expect(existsSync(path.join(here.folder, name))).toBe(false);
  const { unreferenced } = await listArchives(world().canonical, here.target);
  expect(unreferenced).toEqual([]);
  expect(objects()).toHaveLength(3);
  expect(await listed('erasing/')).toEqual([]);
}

describe("a person's rows", () => {
  test('are counted by a dry run, which changes nothing', async () => {
    const before = objects().sort();
    const plan = await planErasure(context());
    expect(plan).toMatchObject({ applied: false, rows: 3, leftovers: [], left: [] });
    expect([...plan.archives].sort()).toEqual(archives.map(({ id }) => id).sort());
    expect(plan.objects).toHaveLength(2);
    expect(objects().sort()).toEqual(before);
    expect(await everything()).toContain(USER);
  });

  test('are gone from every archive, and all others are as they were', async () => {
    expect(await eraseUser(context())).toMatchObject({ applied: true, rows: 3, left: [] });
    await expectErased();
    await world().canonical.query('DELETE FROM public.agent_test_history WHERE user_id = $1', [USER]);
    const verified = await verifyArchive({
      ...world(),
      ...here,
      archiveId: undefined,
      signal: context().signal,
      progress: () => undefined,
    });
    expect(verified.verdict).toBe('verified');
    expect(await eraseUser(context())).toMatchObject({ rows: 0, archives: [], objects: [], left: [] });
  });

  test('are erased with a record that has counts, and names nobody', async () => {
    await eraseUser(context({ by: 'the officer' }));
    const { rows } = await world().canonical.query<{ event: string; counts: object; performed_by: string }>(
      "SELECT event, counts, performed_by FROM history_cdc.archive_event WHERE event = 'erased' AND archive_id = ANY ($1::uuid[]) ORDER BY id",
      [archives.map(({ id }) => id)],
    );
    const erased = { event: 'erased', counts: { rows: 3, objects: 2 }, performed_by: 'the officer' };
    expect(rows).toEqual([erased, erased]);
    const { rows: all } = await world().canonical.query<{ text: string }>(
      'SELECT to_json(e)::text AS text FROM history_cdc.archive_event e UNION ALL SELECT to_json(a)::text FROM history_cdc.action a',
    );
    expect(all.map(({ text }) => text).join('\n')).not.toContain(USER);
    expect((await listActions(world().canonical, 1))[0]?.command).toBe('archive erased');
  });
});

/** Lets `calls` changes of the target happen, and fails behind the next one. */
function dying(target: Target, calls: number): Target {
  let left = calls;
  const dies = async (change: () => Promise<void>): Promise<void> => {
    if (left < 0) throw new Error('killed');
    await change();
    if (left-- === 0) throw new Error('killed');
  };
  return {
    ...target,
    remove: (name) => dies(() => target.remove(name)),
    erase: (name) => dies(() => target.erase(name)),
    write: async (name) => {
      const writer = await target.write(name);
      return {
        write: (bytes) => writer.write(bytes),
        abort: () => writer.abort(),
        finish: () => dies(() => writer.finish()),
      };
    },
  };
}

test('a run that is killed anywhere is ended by the next one, and loses no other row', async () => {
  let ended = false;
  let calls = 0;
  for (; !ended; calls++) {
    await twoArchives();
    const run = eraseUser(context({ target: dying(here.target, calls) }));
    ended = await run.then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ message: 'killed' });
        return false;
      },
    );
    expect(await eraseUser(context())).toMatchObject({ left: [] });
    await expectErased();
  }
  // One new object, and four changes for each of two manifests.
  expect(calls).toBe(10);
});

describe('what may hold such rows still is named, with exit code 1:', () => {
  const command = async (args: readonly string[]) =>
    await runInProcess(['archive', 'erase', '--user', USER, '--json', ...args], {
      DATABASE_URL: world().database.url,
      ARCHIVE_TARGET: here.folder,
      LOG_LEVEL: 'silent',
    });

  test('objects and manifests that the database does not know', async () => {
    const object = `objects/2026-01/${randomUUID()}.avro`;
    const manifest = `manifests/${randomUUID()}.json`;
    for (const name of [object, manifest]) writeFileSync(path.join(here.folder, name), 'x');
    const { code, stdout } = await command([]);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as { left: { name: string }[] }).left.map(({ name }) => name)).toEqual([
      manifest,
      object,
    ]);
  });

  test('an archive whose manifest somebody changed', async () => {
    const file = path.join(here.folder, `manifests/${archives[0].id}.json`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"release"', '"Release"'));
    const { code, stdout } = await command(['--apply', '--confirm', 'agent_test_history']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ left: [{ name: `archive ${archives[0].id}` }] });
  });

  test('an object that cannot be removed', async () => {
    const target: Target = { ...here.target, erase: () => Promise.reject(new Error('locked')) };
    const { left, objects: hit } = await eraseUser(context({ target }));
    expect(left.map(({ name }) => name).sort()).toEqual([...hit].sort());
    expect(await everything()).not.toContain(USER);
    expect(await eraseUser(context())).toMatchObject({ left: [], rows: 0 });
    await expectErased();
  });

  test('nothing without the name of the table', async () => {
    const { code, stderr } = await command(['--apply']);
    expect([code, JSON.parse(stderr)]).toEqual([2, expect.objectContaining({ code: 'NOT_CONFIRMED' })]);
    mkdirSync(here.folder, { recursive: true });
    expect(await everything()).toContain(USER);
  });
});
