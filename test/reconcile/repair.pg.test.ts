import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { repair } from '../../operations/repair/repair.ts';
import { everything } from '../support/fingerprint.ts';
import { aRow, snapshotOf, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { MATCHING } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

async function projected(owner: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await world().legacyRow(row);
  await world().project([snapshotOf(row)]);
  await world().ledger(row.id);
  return row;
}

async function repairOf(runId: string, apply: boolean) {
  const { pool } = world();
  const context = {
    canonical: pool,
    legacy: pool,
    optOutPolicy: 'respect',
    matching: MATCHING,
    elsewhere: undefined,
    windowUs: MATCHING.windowUs,
    retentionDays: undefined,
  } as const;
  return await repair(context, runId, apply);
}

const lose = async ({ id }: RowValues) => {
  await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(id));
};
const spoil = async ({ id }: RowValues) => {
  await world().execute(
    "UPDATE public.agent_compliance_runs SET headline = 'wrong', tracks_passed = 99 WHERE id = $1",
    canonicalRunId(id),
  );
};

/** Without the transactions that wrote them. */
async function contents(): Promise<Record<string, string>> {
  const rows = Object.entries(await everything(world().pool));
  return Object.fromEntries(rows.map(([name, text]) => [name, text.replace(/^\d+ /, '')]));
}

test('what is missing or different is written anew, byte by byte as it was, and the decisions stay', async () => {
  const owner = await world().owner();
  const rows = [await projected(owner), await projected(owner, { summary: 'another' })] as const;
  const before = await contents();
  await lose(rows[0]);
  await spoil(rows[1]);
  const { run, named } = await reconciled(world().pool);
  expect(named).toEqual([`different ${rows[1].id}`, `missing ${rows[0].id}`]);

  const spoiled = await everything(world().pool);
  const dry = await repairOf(run.id, false);
  expect(dry).toMatchObject({ left: new Map(), changes: { runsInserted: 1, runsUpdated: 1 } });
  expect(await everything(world().pool), 'a dry run changes nothing').toEqual(spoiled);

  const { repaired, changes } = await repairOf(run.id, true);
  expect(repaired).toEqual(rows.map(({ id }) => id).sort());
  expect(changes).toMatchObject({ runsInserted: 1, runsUpdated: 1, ledgerWritten: 0 });
  expect((await reconciled(world().pool, { fresh: true })).named).toEqual([]);
  await world().execute('DELETE FROM history_cdc.reconcile_run');
  expect(await contents()).toEqual(before);
});

test('a run that would be nobody’s of ours today is left, and so is one whose legacy row is gone by now', async () => {
  const [leaver, other] = [await world().owner(), await world().owner()];
  const rows = [await projected(leaver), await projected(other)] as const;
  for (const row of rows) await lose(row);
  const { run } = await reconciled(world().pool);
  await world().execute('DELETE FROM public.organization_memberships WHERE workos_user_id = $1', leaver.user);
  await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', rows[1].id);
  expect(await repairOf(run.id, true)).toEqual({
    repaired: [],
    left: new Map([
      [rows[0].id, 'it would be third_party (not_a_member) today'],
      [rows[1].id, 'the legacy row is gone'],
    ]),
    changes: { runsInserted: 0, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 0 },
  });
});

test('a canonical row that is not ours is never written', async () => {
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await world().legacyRow(row);
  const live = await world().live({ agent_url: owner.url });
  await world().project([snapshotOf(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
  await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', live);
  const { run, named } = await reconciled(world().pool);
  expect(named).toEqual([`missing ${row.id}`]);
  expect(await repairOf(run.id, true)).toMatchObject({
    repaired: [],
    left: new Map([[row.id, 'its canonical row is not one of ours']]),
  });
});

describe('a trigger of the application', () => {
  const trigger = async (when: string, body: string) => {
    await world().pool.query(`
      CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
      CREATE TRIGGER meddle BEFORE ${when} ON public.agent_compliance_runs FOR EACH ROW EXECUTE FUNCTION public.meddle()`);
  };
  afterEach(async () => {
    await world().pool.query('DROP FUNCTION IF EXISTS public.meddle() CASCADE');
  });

  test.each([
    [
      'skips',
      'IF NEW.headline = $q$skipped$q$ THEN RETURN NULL; END IF; RETURN NEW;',
      'a trigger kept it from being written',
    ],
    [
      'changes',
      'IF NEW.headline = $q$skipped$q$ THEN NEW.tracks_passed := 99; END IF; RETURN NEW;',
      'tracks_passed',
    ],
  ])('that %s a row that is written again: not repaired, and the others are', async (_, body, why) => {
    const owner = await world().owner();
    const rows = [await projected(owner, { summary: 'skipped' }), await projected(owner)] as const;
    for (const row of rows) await lose(row);
    const { run, findings } = await reconciled(world().pool);
    await trigger('INSERT', body);
    for (const apply of [false, true]) {
      const { repaired, left } = await repairOf(run.id, apply);
      expect(repaired).toEqual([rows[1].id]);
      expect([...left.keys()]).toEqual([rows[0].id]);
      expect(left.get(rows[0].id)).toContain(why);
    }
    const kept = await world().pool.query('SELECT FROM history_cdc.reconcile_finding WHERE run_id = $1', [
      run.id,
    ]);
    expect(kept.rowCount, 'the verdict keeps what it found').toBe(findings.length);
  });

  test('that refuses one of three rows: not repaired, by the name of its function, and the others are', async () => {
    const owner = await world().owner();
    const rows = [
      await projected(owner, { summary: 'refused' }),
      await projected(owner),
      await projected(owner),
    ];
    for (const row of rows) await lose(row);
    const { run } = await reconciled(world().pool);
    await trigger('INSERT', "IF NEW.headline = 'refused' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW;");
    const [refused, ...others] = rows.map(({ id }) => id);
    for (const apply of [false, true]) {
      const { repaired, left, changes } = await repairOf(run.id, apply);
      expect(repaired).toEqual(others.sort());
      expect([...left]).toEqual([
        [refused, 'the application refuses it: SQLSTATE P0001, raised in meddle()'],
      ]);
      expect(changes.runsInserted).toBe(2);
    }
  });

  test('that skips an update: not repaired', async () => {
    const row = await projected(await world().owner());
    await spoil(row);
    const { run } = await reconciled(world().pool);
    await trigger('UPDATE', 'RETURN NULL;');
    const { repaired, left } = await repairOf(run.id, true);
    expect({ repaired, left: [...left.keys()] }).toEqual({ repaired: [], left: [row.id] });
    expect(left.get(row.id)).toContain('a trigger kept it from being written');
  });
});
