import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { manifestName } from '../../operations/archive/manifest.ts';
import { verifyArchive, type VerifyResult } from '../../operations/archive/verify.ts';
import { DIFFERENCES } from '../../operations/archive/differences.ts';
import { decided, exported, hardRows, useArchiveWorld, type ArchiveWorld } from './archived.ts';

const world = useArchiveWorld();

async function verified(of: ArchiveWorld, archiveId?: string): Promise<VerifyResult> {
  return await verifyArchive({
    ...of,
    archiveId,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
}

function found({ verdict, differences, damaged }: VerifyResult) {
  const kinds = DIFFERENCES.filter((kind) => differences.count(kind) > 0);
  return {
    verdict,
    damaged: damaged.map(({ object }) => object),
    ...Object.fromEntries(kinds.map((kind) => [kind, [...differences.ids(kind)].sort()])),
  };
}

const newestEvent = async () =>
  (
    await world().canonical.query<{ event: string }>(
      'SELECT event FROM history_cdc.archive_event ORDER BY id DESC LIMIT 1',
    )
  ).rows[0]?.event;

/** An archive of hard rows, in a folder of its own. */
async function anArchive() {
  const { folder, target } = world().fresh();
  const here = { ...world(), folder, target };
  const { manifest } = await exported(here);
  return { here, manifest, file: (name: string) => path.join(folder, name) };
}

/** By position and not by id: ids are random, so any condition on them may leave a time without a decided row. */
const EVERY_OTHER = `
  id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY started_at, id) AS nth FROM public.agent_test_history) AS r
         WHERE nth % 2 = 1)`;
const DECIDED = 'id IN (SELECT legacy_id FROM history_cdc.ledger)';

beforeEach(async () => {
  await world().canonical.query('DELETE FROM public.agent_test_history; DELETE FROM history_cdc.ledger');
  await hardRows(world().canonical);
  await decided(world().canonical, EVERY_OTHER, 'third_party');
});

describe('an archive of what is there', () => {
  test('is verified, and recorded so with its rows and the snapshot it was compared with', async () => {
    const { here, manifest } = await anArchive();
    const result = await verified(here);
    expect(found(result)).toEqual({ verdict: 'verified', damaged: [] });
    expect(result.differences.same).toBe(manifest.rows);
    expect(manifest.decisions['third_party']).toBeGreaterThan(0);
    const { rows } = await world().canonical.query(
      `SELECT event, rows::int, snapshot_lsn::text AS lsn, snapshot_lsn >= $1::pg_lsn AS later FROM history_cdc.archive_event
       ORDER BY id DESC LIMIT 1`,
      [manifest.source.snapshotLsn],
    );
    expect(rows).toEqual([
      { event: 'verified', rows: manifest.rows, lsn: result.source.snapshotLsn, later: true },
    ]);
  });

  test('an empty one is verified only while the table is empty', async () => {
    await world().canonical.query('DELETE FROM public.agent_test_history; DELETE FROM history_cdc.ledger');
    const { here, manifest } = await anArchive();
    expect(manifest.objects).toEqual([]);
    expect(found(await verified(here))).toEqual({ verdict: 'verified', damaged: [] });
    const rows = await hardRows(world().canonical);
    const later = await verified(here);
    expect({ verdict: later.verdict, missing: later.differences.count('missing') }).toEqual({
      verdict: 'differs',
      missing: rows,
    });
  });
});

describe('every difference is named by kind and id:', () => {
  const pick = async (condition: string): Promise<string> => {
    const { rows } = await world().canonical.query<{ id: string }>(
      `SELECT id::text FROM public.agent_test_history WHERE ${condition} ORDER BY started_at, id LIMIT 1`,
    );
    const [row] = rows;
    assert(row !== undefined, `no row meets ${condition}`);
    return row.id;
  };

  test.each([
    ['a row that was changed', "UPDATE public.agent_test_history SET brief = 'x' WHERE id = $1", 'content'],
    ['NULL became empty', "UPDATE public.agent_test_history SET brief = '' WHERE id = $1", 'content'],
    [
      'a row that is gone without a record of it',
      'DELETE FROM public.agent_test_history WHERE id = $1',
      'extra',
    ],
    [
      'a decision that changed',
      "UPDATE history_cdc.ledger SET reason = 'other' WHERE legacy_id = $1",
      'decision',
    ],
    ['a decision that is gone', 'DELETE FROM history_cdc.ledger WHERE legacy_id = $1', 'decision'],
  ])('%s', async (_, statement, kind) => {
    const { here } = await anArchive();
    const id = await pick(`${DECIDED} AND started_at = '2024-02-29 23:59:59.000001+00'`);
    await world().canonical.query(statement, [id]);
    const expected = { verdict: 'differs', damaged: [], [kind]: [id] };
    // The ledger has the row that is gone as not deleted.
    expect(found(await verified(here))).toEqual(
      kind === 'extra' ? { ...expected, ledger_only: [id] } : expected,
    );
    expect(await newestEvent()).toBe('differs');
    expect((await exported(here)).written).toEqual(['2024-02']);
    if (kind !== 'extra') expect(found(await verified(here))).toMatchObject({ verdict: 'verified' });
  });

  test('a row that came, in a month that the archive does not have', async () => {
    const { here } = await anArchive();
    const id = '00000000-0000-4000-8000-000000000001';
    await world().canonical.query(
      `INSERT INTO public.agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, started_at)
       SELECT $1, agent_context_id, 's', true, 0, 0, '2025-01-01' FROM public.agent_test_history LIMIT 1`,
      [id],
    );
    expect(found(await verified(here))).toEqual({ verdict: 'differs', damaged: [], missing: [id] });
  });

  test('a row that was deleted since, as the ledger recorded, is none', async () => {
    const { here } = await anArchive();
    const id = await pick(DECIDED);
    await world().canonical.query('DELETE FROM public.agent_test_history WHERE id = $1', [id]);
    await world().canonical.query(
      'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = $1',
      [id],
    );
    const result = await verified(here);
    expect(found(result)).toEqual({ verdict: 'verified', damaged: [] });
    expect(result.differences.deletedSince).toBe(1);
  });
});

describe('an object that is not what was written', () => {
  type Damage = (file: string, other: string) => void;
  const flip: Damage = (file) => {
    const bytes = readFileSync(file);
    const at = bytes.length - 40;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  };
  test.each<[string, Damage]>([
    [
      'is missing',
      (file) => {
        rmSync(file);
      },
    ],
    [
      'is torn',
      (file) => {
        truncateSync(file, readFileSync(file).length - 100);
      },
    ],
    [
      'is empty',
      (file) => {
        truncateSync(file, 0);
      },
    ],
    ['has one bit changed', flip],
    [
      'is longer',
      (file) => {
        appendFileSync(file, 'x');
      },
    ],
    [
      'is another month of the same archive',
      (file, other) => {
        copyFileSync(other, file);
      },
    ],
    [
      'is no Avro file',
      (file) => {
        writeFileSync(file, 'hello');
      },
    ],
  ])('%s: named, never verified, and written anew by the next export', async (_, damage) => {
    const { here, manifest, file } = await anArchive();
    const name = manifest.objects.find(({ month }) => month === '9999-12')?.name ?? '';
    damage(file(name), file(manifest.objects[0]?.name ?? ''));
    expect(found(await verified(here))).toEqual({ verdict: 'differs', damaged: [name] });
    expect(await newestEvent()).toBe('differs');
    expect(await exported(here)).toMatchObject({ isNew: true, written: ['9999-12'] });
    expect(found(await verified(here))).toEqual({ verdict: 'verified', damaged: [] });
  });

  test('a manifest of somebody else is not believed', async () => {
    const { here, manifest, file } = await anArchive();
    const name = manifestName(manifest.id);
    const text = readFileSync(file(name), 'utf8');
    writeFileSync(file(name), text.replaceAll('"release": "', '"release": "9'));
    expect(found(await verified(here))).toEqual({ verdict: 'differs', damaged: [name] });
    rmSync(file(name));
    expect(found(await verified(here))).toEqual({ verdict: 'differs', damaged: [name] });
    expect(await exported(here)).toMatchObject({ isNew: true, written: [] });
    expect(found(await verified(here))).toEqual({ verdict: 'verified', damaged: [] });
  });

  test('an archive that the database does not know is not looked at, nor one at another place', async () => {
    const { manifest } = await anArchive();
    await expect(verified({ ...world(), ...world().fresh() })).rejects.toMatchObject({
      code: 'ARCHIVE_NONE',
    });
    await expect(verified({ ...world(), ...world().fresh() }, manifest.id)).rejects.toMatchObject({
      code: 'ARCHIVE_NONE',
    });
  });
});
