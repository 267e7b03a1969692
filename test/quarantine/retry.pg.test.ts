import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, deleted, inserted, rawRecord, updated, type RowValues } from '../support/records.ts';
import { expectLasting, retried, theOnlyRecord } from '../support/retried.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** While it works, Postgres refuses whole rows for a headline that the application forbids. */
async function forbidding(headline: string, work: () => Promise<void>): Promise<void> {
  await world().pool.query(
    `ALTER TABLE public.agent_compliance_runs ADD CONSTRAINT "${headline}" CHECK (headline <> '${headline}')`,
  );
  try {
    await work();
  } finally {
    await world().pool.query(`ALTER TABLE public.agent_compliance_runs DROP CONSTRAINT "${headline}"`);
  }
}

describe('a retry, once its cause is gone,', () => {
  test('decides a row whose left-out values are in the legacy table again, and writes it once', async () => {
    const row = await ownersRow();
    await world().project([updated(row, 'summary', 'steps_json')]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'value_unavailable',
    });
    await world().legacyRow(row);
    expect(await retried(world().pool)).toMatchObject([
      {
        outcome: 'decided',
        legacyId: row.id,
        decision: 'projected',
        reason: 'owner',
        canonicalRunId: canonicalRunId(row.id),
        attempts: 1,
      },
    ]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 1, op: 'u' });
    expect(await world().run(row.id)).toMatchObject({ id: canonicalRunId(row.id), headline: row.summary });
    const record = await theOnlyRecord(world());
    expect(record).toMatchObject({ attempts: 1, reason: 'value_unavailable' });
    expect(record['healed_at']).not.toBeNull();
    await expectLasting(world());
    expect(await retried(world().pool)).toEqual([]);
  });

  test('writes a row that Postgres does not refuse any more', async () => {
    const row = await ownersRow({ summary: 'forbidden' });
    await forbidding('forbidden', async () => {
      await world().project([inserted(row)]);
      expect(await world().ledger(row.id)).toMatchObject({ reason: 'rejected_by_postgres' });
    });
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden' });
    await expectLasting(world());
  });

  test('keeps what the ledger knew of a row that was deleted since: it is projected, and deleted at its source', async () => {
    const row = await ownersRow({ summary: 'forbidden' });
    await forbidding('forbidden', async () => {
      await world().project([inserted(row), deleted(row.id)]);
    });
    const before = await world().ledger(row.id);
    expect(before).toMatchObject({ decision: 'quarantined', op: 'd', offset: 2 });
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      op: 'd',
      offset: 2,
      lsn: before?.['lsn'],
      source_deleted_at: before?.['source_deleted_at'],
    });
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden' });
    await expectLasting(world());
  });

  test('brings a projected row up to an image that it missed, though the row was deleted behind it', async () => {
    const row = await ownersRow();
    const changed = { ...row, summary: 'forbidden', steps_failed: 41 };
    await world().project([inserted(row)]);
    await forbidding('forbidden', async () => {
      await world().project([updated(changed), deleted(row.id)]);
    });
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden', tracks_failed: 41 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', op: 'd', offset: 3 });
    await expectLasting(world());
  });

  test('takes all that is parked of a row in its order; what cannot be mended stays open behind what can', async () => {
    const row = await ownersRow({ summary: 'forbidden' });
    await forbidding('forbidden', async () => {
      await world().project([inserted(row), rawRecord(row.id, { op: 'u' })]);
    });
    const [first] = await world().quarantined();
    const answers = await retried(world().pool, { filter: { ids: [String(first?.['id'])] } });
    expect(answers.map(({ outcome }) => outcome)).toEqual(['decided', 'failed']);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 1 });
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden' });
    expect((await world().quarantined()).map(({ healed_at }) => healed_at === null)).toEqual([false, true]);
    await expectLasting(world());
  });

  test('knows a delete between two parked records of a row, the second of which stays parked', async () => {
    const row = await ownersRow({ summary: 'forbidden' });
    const again = { ...row, summary: 'forbidden for good', steps_failed: 41 };
    let deletedAt: unknown;
    await forbidding('forbidden for good', async () => {
      await forbidding('forbidden', async () => {
        await world().project([inserted(row), deleted(row.id)]);
        const entry = await world().ledger(row.id);
        expect(entry).toMatchObject({ decision: 'quarantined', op: 'd', offset: 2 });
        deletedAt = entry?.['source_deleted_at'];
        await world().project([inserted(again)]);
      });
      expect(await world().ledger(row.id)).toMatchObject({ op: '?', offset: 3, source_deleted_at: null });
      expect((await retried(world().pool)).map(({ outcome }) => outcome)).toEqual(['decided', 'failed']);
      expect(await world().ledger(row.id)).toMatchObject({
        decision: 'projected',
        op: 'd',
        offset: 2,
        source_deleted_at: deletedAt,
      });
      expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden' });
      await expectLasting(world());
    });
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
    expect(await world().ledger(row.id)).toMatchObject({ op: 'c', offset: 3, source_deleted_at: null });
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden for good', tracks_failed: 41 });
    await expectLasting(world());
  });

  test('leaves values that a parked record behind it left out as the record before it has them', async () => {
    const row = await ownersRow({ summary: 'forbidden' });
    await forbidding('forbidden', async () => {
      await world().project([inserted(row), updated({ ...row, steps_failed: 41 }, 'summary')]);
    });
    expect((await world().quarantined()).map(({ reason }) => reason)).toEqual([
      'rejected_by_postgres',
      'value_unavailable',
    ]);
    expect((await retried(world().pool)).map(({ outcome }) => outcome)).toEqual(['decided', 'decided']);
    expect(await world().run(row.id)).toMatchObject({ headline: 'forbidden', tracks_failed: 41 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 2, op: 'u' });
    await expectLasting(world());
  });

  test('decides a stranger’s row as the rule says: no canonical row', async () => {
    const row = await ownersRow({ user_id: 'user_stranger' });
    // Without the user nobody can tell whose run it is.
    await world().project([updated(row, 'user_id')]);
    await world().legacyRow(row);
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'third_party' }]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'third_party', canonical_run_id: null });
    expect(await world().run(row.id)).toBeUndefined();
    await expectLasting(world());
  });

  test('of a thousand rows decides each of them once', async () => {
    const owner = await world().owner();
    const rows = Array.from({ length: 1000 }, () =>
      aRow({ agent_context_id: owner.context, user_id: owner.user }),
    );
    const [first] = rows as [RowValues];
    await world().project([updated(first, 'summary')]);
    await world().pool.query(
      `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail, record_key, record_value)
       SELECT q.topic_id, q.partition, 1000 + n, l.id::uuid, q.reason, q.detail, convert_to('{"id": "' || l.id || '"}', 'UTF8'),
              convert_to(replace(convert_from(q.record_value, 'UTF8'), $2, l.id), 'UTF8')
       FROM history_cdc.quarantine q, unnest($1::text[]) WITH ORDINALITY AS l (id, n)`,
      [rows.slice(1).map(({ id }) => id), first.id],
    );
    for (const row of rows) await world().legacyRow(row);
    const answers = await retried(world().pool);
    expect(new Set(answers.map(({ legacyId }) => legacyId)).size).toBe(1000);
    expect(answers.every(({ outcome }) => outcome === 'decided')).toBe(true);
    const { rows: counts } = await world().pool.query(
      'SELECT count(*)::int AS runs FROM public.agent_compliance_runs WHERE triggered_org_id = $1',
      [owner.organization],
    );
    expect(counts).toEqual([{ runs: 1000 }]);
    expect(await world().ledger(first.id)).toMatchObject({ decision: 'projected' });
  });
});
