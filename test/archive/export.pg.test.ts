import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { manifestName, manifestSchema, sha256Of } from '../../operations/archive/manifest.ts';
import { readArchive } from '../../operations/archive/read-object.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();

const MONTH_HASH = `
  SELECT encode(sha256(string_agg(hash, ''::bytea ORDER BY started_at, id)), 'hex') AS hash
  FROM (
    SELECT started_at, id, sha256(convert_to(
      concat_ws(',', %LENGTHS%) || ':' || concat(%TEXTS%), 'UTF8')) AS hash
    FROM public.agent_test_history
    WHERE date_trunc('month', started_at, 'UTC') = '2024-02-01+00') AS rows`;

describe('rows with hard values', () => {
  test('are in the objects as Postgres has them, and Postgres and we come to the same hashes', async () => {
    const rows = await hardRows(world().canonical);
    const { manifest, isNew, kept } = await exported(world());
    expect({ isNew, kept, rows: manifest.rows }).toEqual({ isNew: true, kept: [], rows });
    expect(manifest.objects.map(({ month }) => month)).toEqual([
      'minus-infinity',
      '0044-03-BC',
      '0001-01',
      '1582-10',
      '1969-12',
      '2024-02',
      '9999-12',
      '10000-01',
      '294276-12',
      'infinity',
    ]);
    expect(manifest.decisions).toEqual({ undecided: rows });

    const columns = manifest.table.columns.map(({ name }) => name);
    const found = new Map<string, (string | null)[]>();
    for await (const portion of readArchive(world().target, manifest))
      for (const { values } of portion) {
        const texts = values.map((value) => value?.toString('utf8') ?? null);
        found.set(texts[columns.indexOf('id')] ?? '', texts);
      }
    const texts = columns.map((name) => `${name}::text`);
    const { rows: table } = await world().canonical.query<{ id: string; texts: (string | null)[] }>(
      `SELECT id::text, ARRAY[${texts.join(', ')}] AS texts FROM public.agent_test_history`,
    );
    expect(found).toEqual(new Map(table.map(({ id, texts }) => [id, texts])));

    const sql = MONTH_HASH.replace(
      '%LENGTHS%',
      texts.map((text) => `coalesce(octet_length(${text}), -1)`).join(', '),
    );
    const { rows: hashed } = await world().canonical.query<{ hash: string }>(
      sql.replace('%TEXTS%', texts.join(', ')),
    );
    const month = manifest.objects.find((object) => object.month === '2024-02');
    expect(month?.contentSha256).toBe(hashed[0]?.hash);
  });

  test('are read by another reader of Avro, from the file alone', async () => {
    const { manifest } = await exported(world());
    for (const { name, rows, bytes, sha256 } of manifest.objects) {
      const file = path.join(world().folder, name);
      const content = readFileSync(file);
      expect({ bytes: content.length, sha256: sha256Of(content) }).toEqual({ bytes, sha256 });
      const records: Record<string, unknown>[] = [];
      await new Promise((resolve, reject) =>
        avro
          .createFileDecoder(file)
          .on('data', (record: Record<string, unknown>) => records.push(record))
          .on('error', reject)
          .on('end', resolve),
      );
      expect(records).toHaveLength(rows);
      const { rows: table } = await world().canonical.query<{ row: Record<string, unknown> }>(
        `SELECT jsonb_build_object('id', id, 'overall_passed', overall_passed, 'steps_passed', steps_passed, 'summary', summary,
                                   'steps_json', steps_json::text, 'started_at', started_at::text, 'dry_run', dry_run) AS row
         FROM public.agent_test_history WHERE id = ANY ($1::uuid[]) ORDER BY started_at, id`,
        [records.map(({ id }) => id)],
      );
      expect(records).toMatchObject(table.map(({ row }) => row));
    }
  });

  test('the manifest lies there as it was recorded, and nothing half done beside it', async () => {
    const { manifest } = await exported(world());
    const bytes = readFileSync(path.join(world().folder, manifestName(manifest.id)));
    expect(manifestSchema.parse(JSON.parse(bytes.toString()))).toEqual(manifest);
    expect(readdirSync(path.join(world().folder, '.partial'))).toEqual([]);
    const { rows } = await world().canonical.query(
      `SELECT a.id::text, e.event, encode(e.manifest_sha256, 'hex') AS sha256, e.rows::int, e.snapshot_lsn::text AS lsn
       FROM history_cdc.archive a JOIN history_cdc.archive_event e ON e.archive_id = a.id ORDER BY e.id LIMIT 1`,
    );
    expect(rows).toEqual([
      {
        id: manifest.id,
        event: 'exported',
        sha256: sha256Of(bytes),
        rows: manifest.rows,
        lsn: manifest.source.snapshotLsn,
      },
    ]);
  });
});
