import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, envelopeOf, inserted, updated, type Message, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(
    `${ONLY_KNOWN_ROWS}; DELETE FROM history_cdc.quarantine; DELETE FROM history_cdc.truncated`,
  );
});

async function rowOf({ context, user }: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = aRow({ agent_context_id: context, user_id: user, ...values });
  await world().legacyRow(row);
  return row;
}

/** A record of the row that cannot be mapped. */
function unusable(row: RowValues): Message {
  const message = inserted(row);
  return {
    ...message,
    value: Buffer.from(JSON.stringify(envelopeOf('c', { after: { ...row, overall_passed: 'maybe' } }))),
  };
}

async function projected(row: RowValues): Promise<void> {
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
}

describe('what waits in quarantine', () => {
  test.each([
    { of: 'an owner', values: {}, kind: 'parked', whose: 'owner', verdict: 'not_proven' },
    {
      of: 'a stranger',
      values: { user_id: 'stranger' },
      kind: 'parked_other',
      whose: 'other',
      verdict: 'proven',
    },
    {
      of: 'nobody',
      values: { user_id: '\u00a0' },
      kind: 'parked_other',
      whose: 'other',
      verdict: 'proven',
    },
  ])('of $of is named, and counted', async ({ values, kind, whose, verdict }) => {
    const row = await rowOf(await world().owner(), values);
    await world().project([unusable(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    const { run, findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind, legacy_id: row.id, fields: [whose], state: 'confirmed' }]);
    expect(run).toMatchObject({ verdict, excepted: { [kind]: 1 } });
  });

  test('of a row that is gone is nobody knows whose: not proven', async () => {
    const row = aRow({ agent_context_id: (await world().owner()).context, user_id: 'u' });
    await world().project([unusable(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    await world().execute(
      'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = $1',
      row.id,
    );
    const { run, findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'parked', legacy_id: row.id, fields: ['unknown'] }]);
    expect(run.verdict).toBe('not_proven');
  });

  test('behind a canonical row is an owner’s, also while the row looks right', async () => {
    const row = await rowOf(await world().owner());
    await projected(row);
    await world().project([unusable(row)]);
    expect(await world().quarantined()).toHaveLength(1);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([`parked ${row.id}`]);
    expect(run.verdict).toBe('not_proven');
  });

  test('without a key is parked, with its position; waived, it is an exception', async () => {
    await world().project([{ id: null, key: Buffer.from('no key'), value: Buffer.from('{}') }]);
    expect(await world().quarantined()).toHaveLength(1);
    const { run, findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([
      { kind: 'parked', legacy_id: null, fields: [expect.stringMatching(/ 0 \d+$/)] },
    ]);
    expect(run.verdict).toBe('not_proven');
    await world().execute(
      "UPDATE history_cdc.quarantine SET waived_at = now(), waived_by = 'a person', waive_reason = 'a test'",
    );
    expect((await reconciled(world().pool)).run).toMatchObject({
      verdict: 'proven',
      excepted: { waived: 1 },
    });
  });

  test('a decision `quarantined` without a record waits, too', async () => {
    const row = await rowOf(await world().owner());
    await world().project([unusable(row)]);
    expect(await world().quarantined()).toHaveLength(1);
    await world().ledger(row.id);
    await world().execute('DELETE FROM history_cdc.quarantine');
    expect((await reconciled(world().pool)).named).toEqual([`parked ${row.id}`]);
  });
});

describe('a run that was moved to an agent of somebody else', () => {
  async function moved(): Promise<RowValues> {
    const [owner, other] = [await world().owner(), await world().owner()];
    const row = await rowOf(owner);
    await projected(row);
    const elsewhere = { ...row, agent_context_id: other.context };
    await world().project([updated(elsewhere)]);
    expect(await world().ledger(row.id)).toMatchObject({ reason: 'moved_to_agent_not_owned' });
    await world().execute(
      'UPDATE public.agent_test_history SET agent_context_id = $2 WHERE id = $1',
      row.id,
      other.context,
    );
    return row;
  }

  test('is an exception: its canonical row stays as it was', async () => {
    const { id } = await moved();
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([`moved_away ${id}`]);
    expect(run).toMatchObject({ verdict: 'proven', excepted: { moved_away: 1 } });
  });

  test('and is back where it was decided is none: what was not applied is found', async () => {
    const { id, agent_context_id: back } = await moved();
    await world().execute(
      "UPDATE public.agent_test_history SET agent_context_id = $2, summary = 'newer' WHERE id = $1",
      id,
      back,
    );
    const { run, findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: id, fields: ['headline'] }]);
    expect(run.verdict).toBe('wrong');
  });
});

test('a twin whose legacy row changed later keeps its link, and is an exception', async () => {
  const owner = await world().owner();
  const row = await rowOf(owner);
  await world().live({ agent_url: owner.url });
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
  await world().execute('DELETE FROM history_cdc.unsettled_twin WHERE legacy_id = $1', row.id);
  const change = 'UPDATE public.agent_test_history SET steps_passed = 3, summary = $2 WHERE id = $1';
  await world().execute(change, row.id, 'changed later');
  const lost = await reconciled(world().pool);
  expect(lost.findings).toMatchObject([{ kind: 'different', legacy_id: row.id, fields: ['fingerprint'] }]);
  await world().project([updated({ ...row, steps_passed: 3, summary: 'changed later' })]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
  const { run, named } = await reconciled(world().pool);
  expect(named).toEqual([`twin_changed ${row.id}`]);
  expect(run).toMatchObject({ verdict: 'proven', excepted: { twin_changed: 1 } });
});

describe('after a truncate that a person has accepted', () => {
  const truncate = `
    INSERT INTO history_cdc.truncated (topic_id, partition, "offset", lsn)
    SELECT topic_id, partition, "offset" + 1, lsn FROM history_cdc.ledger WHERE legacy_id = $1`;

  test('rows that are gone are told to the ledger, once; one that came later is `vanished`', async () => {
    const owner = await world().owner();
    const [gone, later] = [await rowOf(owner), await rowOf(owner, { summary: 'later' })];
    await projected(gone);
    await world().execute(truncate, gone.id);
    await projected(later);
    await world().execute('DELETE FROM public.agent_test_history WHERE id = ANY ($1)', [gone.id, later.id]);
    expect((await reconciled(world().pool)).named).toEqual([`truncated ${gone.id}`, `vanished ${later.id}`]);
    expect(await world().ledger(gone.id)).toMatchObject({ source_deleted_at: expect.any(String) as string });
    expect(await world().ledger(later.id)).toMatchObject({ source_deleted_at: null });
    await world().execute(
      'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = $1',
      later.id,
    );
    const { run, named } = await reconciled(world().pool);
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [] });
    expect(run.excepted).toEqual({ deleted: expect.any(Number) as number });
    expect(await world().run(gone.id)).toMatchObject({ id: canonicalRunId(gone.id) });
  });
});
