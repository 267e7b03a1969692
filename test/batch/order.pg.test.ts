import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import {
  aRow,
  deleted,
  DELETED_AT,
  incrementalSnapshotOf,
  inserted,
  snapshotOf,
  tombstone,
  updated,
} from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function ownersRow(values: Partial<Parameters<typeof aRow>[0]> = {}) {
  const { context, user } = await world().owner();
  return aRow({ agent_context_id: context, user_id: user, ...values });
}

describe('events of one key', () => {
  test('an update after an insert ends with the newest image', async () => {
    const row = await ownersRow();
    const newest = {
      ...row,
      summary: 'newest',
      overall_passed: false,
      total_duration_ms: 9,
      dry_run: true,
      agent_profile_json: '{"new": 2.0}',
      started_at: '2026-04-01T00:00:00.000001Z',
      scenario: 'storyboard:newest',
    };
    const result = await world().project([
      inserted(row),
      updated({ ...row, summary: 'between' }),
      updated(newest),
    ]);
    expect(result).toMatchObject({
      records: { applied: 3 },
      decisions: { projected: 1 },
      changes: { runsInserted: 1, runsUpdated: 2, runsDeleted: 0, ledgerWritten: 3 },
    });
    expect(await world().run(row.id)).toMatchObject({
      headline: 'newest',
      overall_status: 'failing',
      total_duration_ms: 9,
      dry_run: true,
      agent_profile_json: { new: 2 },
      tested_at: '2026-04-01T00:00:00.000001+00:00',
      observations_json: { original_scenario: 'storyboard:newest' },
    });
    expect(await world().ledger(row.id)).toMatchObject({ offset: 3, op: 'u', reason: 'owner' });
  });

  test('an update to NULL takes the value away, and an update from NULL brings it', async () => {
    const row = await ownersRow();
    const empty = { ...row, summary: null, agent_profile_json: null, total_duration_ms: null };
    await world().project([inserted(row), updated(empty)]);
    const gone = { headline: null, agent_profile_json: null, total_duration_ms: null };
    expect(await world().run(row.id)).toMatchObject(gone);
    await world().project([updated(row)]);
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary, total_duration_ms: 1234 });
  });

  test('an update in a later batch comes to the same as in the same batch', async () => {
    const [early, late] = [await ownersRow(), await ownersRow()];
    await world().project([inserted(early)]);
    await world().project([updated({ ...early, summary: 'newest' })]);
    await world().project([inserted(late), updated({ ...late, summary: 'newest' })]);
    expect(await world().run(early.id)).toMatchObject({ headline: 'newest' });
    expect(await world().run(late.id)).toMatchObject({ headline: 'newest' });
  });

  test('an update that changes nothing moves the position and writes no canonical row', async () => {
    const row = await ownersRow();
    await world().project([inserted(row)]);
    const { changes } = await world().project([updated(row)]);
    expect(changes).toEqual({ runsInserted: 0, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 1 });
    expect(await world().ledger(row.id)).toMatchObject({ offset: 2, op: 'u' });
  });

  test('an incremental snapshot row, which carries no LSN, applies like any other event', async () => {
    const row = await ownersRow();
    await world().project([inserted(row)]);
    await world().project([incrementalSnapshotOf({ ...row, summary: 'read again' })]);
    expect(await world().ledger(row.id)).toMatchObject({ op: 'r', snapshot: true, lsn: null, offset: 2 });
    expect(await world().run(row.id)).toMatchObject({ headline: 'read again' });
  });

  test('many events of many keys in one batch: each key ends with its own newest image', async () => {
    const rows = await Promise.all(Array.from({ length: 6 }, () => ownersRow()));
    const versions = [1, 2, 3].flatMap((version) =>
      rows.map((row) => updated({ ...row, summary: `version ${String(version)}` })),
    );
    const result = await world().project([...rows.map(snapshotOf), ...versions]);
    expect(result).toMatchObject({ decisions: { projected: 6 }, records: { applied: 24 } });
    for (const row of rows) expect(await world().run(row.id)).toMatchObject({ headline: 'version 3' });
    for (const row of rows) expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  });
});

describe('a replay', () => {
  test('counts the newest event of a key as duplicate and those before it as stale', async () => {
    const row = await ownersRow();
    await world().project([inserted(row), updated(row), deleted(row.id), tombstone(row.id)]);
    expect(await world().replay()).toMatchObject({
      read: 4,
      records: { applied: 0, stale: 2, duplicate: 1, tombstone: 1, quarantined: 0 },
      changes: NO_CHANGES,
    });
    expect(await world().ledger(row.id)).toMatchObject({ offset: 3 });
  });

  test('does not take an old decision for a new one when ownership has changed since', async () => {
    const { context, user, organization } = await world().owner();
    const row = aRow({ agent_context_id: context, user_id: user });
    await world().project([inserted(row)]);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_organization_id = $1',
      organization,
    );
    expect(await world().replay()).toMatchObject({ changes: NO_CHANGES, records: { duplicate: 1 } });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', is_member: true });
  });
});

describe('a delete', () => {
  test('keeps the canonical row and the decision, and the ledger says when the row went', async () => {
    const row = await ownersRow();
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    const { changes } = await world().project([deleted(row.id), tombstone(row.id)]);
    expect(changes).toEqual({ runsInserted: 0, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 1 });
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'owner',
      op: 'd',
      source_deleted_at: DELETED_AT,
    });
  });

  test('never lets the made-up `before` in: context, user and hash stay as they were', async () => {
    const row = await ownersRow();
    await world().project([inserted(row)]);
    const before = await world().ledger(row.id);
    await world().project([deleted(row.id)]);
    const { agent_context_id, user_id, content_hash, started_at } = before ?? {};
    expect(await world().ledger(row.id)).toMatchObject({
      agent_context_id,
      user_id,
      content_hash,
      started_at,
    });
  });

  test('of a row without a canonical row keeps its decision', async () => {
    const row = await ownersRow({ user_id: null });
    await world().project([inserted(row), deleted(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'anonymous',
      source_deleted_at: DELETED_AT,
    });
  });

  test('of a row that was never seen is gone', async () => {
    const row = await ownersRow();
    const { decisions } = await world().project([deleted(row.id), tombstone(row.id)]);
    expect(decisions).toEqual({ gone: 1 });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'gone',
      reason: 'deleted_before_seen',
      canonical_run_id: null,
      content_hash: null,
      started_at: null,
      user_id: null,
      source_deleted_at: DELETED_AT,
    });
    expect(await world().run(row.id)).toBeUndefined();
  });

  test('of a gone row a second time leaves it gone', async () => {
    const row = await ownersRow();
    const result = await world().project([deleted(row.id), tombstone(row.id), deleted(row.id)]);
    expect(result.decisions).toEqual({ gone: 1 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone', offset: 3 });
  });

  test.each([
    ['in one batch', true],
    ['in batches of their own', false],
  ])('and a re-insert of the key, %s, is the same row again', async (_, together) => {
    const row = await ownersRow();
    await world().project([inserted(row)]);
    const again = [
      deleted(row.id),
      tombstone(row.id),
      inserted({ ...row, summary: 'again', steps_passed: 1 }),
    ];
    if (together) await world().project(again);
    else for (const message of again) await world().project([message]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      source_deleted_at: null,
      canonical_run_id: canonicalRunId(row.id),
    });
    expect(await world().run(row.id)).toMatchObject({ headline: 'again', tracks_passed: 1 });
  });

  test('before the row was seen, then a re-insert: it is decided like any other', async () => {
    const row = await ownersRow();
    const result = await world().project([deleted(row.id), tombstone(row.id), inserted(row)]);
    expect(result.decisions).toEqual({ gone: 1, projected: 1 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', source_deleted_at: null });
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
  });
});

describe('a tombstone', () => {
  test('alone decides nothing and is counted', async () => {
    const row = await ownersRow();
    const result = await world().project([tombstone(row.id)]);
    expect(result).toMatchObject({ read: 1, records: { tombstone: 1 }, changes: NO_CHANGES, decisions: {} });
    expect(await world().ledger(row.id)).toBeUndefined();
  });
});
