import { afterEach, describe, expect, test } from 'vitest';
import { undo } from '../../operations/undo/undo.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

/*
 * Triggers of the application on the canonical table, as applications have them, in every way in which we write there.
 */
const world = useWorld();
const RUNS = 'public.agent_compliance_runs';

/** Written with no schema, as most are. */
const AUDIT = `
  CREATE TABLE public.audit_log (run_id uuid, what text);
  CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit_log VALUES (coalesce(NEW.id, OLD.id), TG_OP);
    RETURN NULL;
  END $$;
  CREATE TRIGGER machinery AFTER INSERT OR UPDATE OR DELETE ON ${RUNS} FOR EACH ROW EXECUTE FUNCTION public.audited()`;

/** Does nothing to a row that is called so: it returns NULL, and nobody is told. */
const skipping = (event: string, headline = 'skipped') => `
  CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (CASE WHEN TG_OP = 'DELETE' THEN OLD.headline ELSE NEW.headline END) = '${headline}' THEN RETURN NULL; END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END $$;
  CREATE TRIGGER machinery BEFORE ${event} ON ${RUNS} FOR EACH ROW EXECUTE FUNCTION public.audited()`;

const refusing = (event: string) => `
  CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF coalesce(NEW.headline, OLD.headline) = 'refused' THEN RAISE EXCEPTION 'no'; END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END $$;
  CREATE TRIGGER machinery BEFORE ${event} ON ${RUNS} FOR EACH ROW EXECUTE FUNCTION public.audited()`;

const make = (machinery: string) => world().pool.query(machinery);
const mend = () =>
  world().pool.query(`
  DROP TRIGGER IF EXISTS machinery ON ${RUNS}; DROP FUNCTION IF EXISTS public.audited();
  DROP TABLE IF EXISTS public.audit_log`);
afterEach(mend);

async function ownersRows(headlines: readonly string[], user?: string): Promise<RowValues[]> {
  const owner = await world().owner();
  const rows = headlines.map((summary) =>
    aRow({ agent_context_id: owner.context, user_id: user ?? owner.user, summary }),
  );
  for (const row of rows) await world().legacyRow(row);
  return rows;
}

const decisionsOf = async (rows: readonly RowValues[]) =>
  Promise.all(rows.map(async ({ id }) => (await world().ledger(id))?.['decision'] ?? null));
const headlinesOf = async (rows: readonly RowValues[]) =>
  Promise.all(rows.map(async ({ id }) => (await world().run(id))?.['headline'] ?? null));
const reasons = async () => (await world().quarantined()).map(({ reason }) => reason);
/** One of the bystanders is ours, too. */
const undoAll = (confirmed: number) =>
  undo({ canonical: world().pool, progress: () => undefined }, confirmed);

describe('an ordinary audit trigger', () => {
  test('works for what is inserted, changed, absorbed and undone, whatever search_path our functions have', async () => {
    const [one, two] = (await ownersRows(['one', 'two'])) as [RowValues, RowValues];
    await make(AUDIT);
    await world().project([inserted(one), inserted(two), updated({ ...one, summary: 'one, later' })]);
    expect(await headlinesOf([one, two])).toEqual(['one, later', 'two']);
    const { agent_url } = (await world().run(two.id)) as { agent_url: string };
    const live = await world().live({ agent_url, headline: 'two' });
    expect((await swept(world().pool)).absorbed).toEqual([two.id]);
    expect(await world().ledger(two.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await undoAll(2)).toMatchObject({ removable: 2, blocked: new Map() });
    const { rows } = await world().pool.query<{ what: string }>(
      'SELECT DISTINCT what FROM public.audit_log ORDER BY what',
    );
    expect(rows.map(({ what }) => what)).toEqual(['DELETE', 'INSERT', 'UPDATE']);
  });
});

describe('a trigger that skips a row without an error', () => {
  test('keeps an insert out: the row is parked, and not counted as projected', async () => {
    const rows = await ownersRows(['one', 'skipped', 'three']);
    await make(skipping('INSERT'));
    const result = await world().project(rows.map(inserted));
    expect(result).toMatchObject({
      decisions: { projected: 2, quarantined: 1 },
      changes: { runsInserted: 2 },
    });
    expect(await decisionsOf(rows)).toEqual(['projected', 'quarantined', 'projected']);
    expect(await headlinesOf(rows)).toEqual(['one', null, 'three']);
    expect(await reasons()).toEqual(['refused_by_trigger']);
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'failed', reason: 'refused_by_trigger' }]);
    await mend();
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
  });

  test('keeps a later image out: it is parked, and the row stays as it was', async () => {
    const rows = await ownersRows(['one', 'two']);
    await world().project(rows.map(inserted));
    await make(skipping('UPDATE'));
    await world().project(
      rows.map((row, index) => updated({ ...row, summary: index === 0 ? 'skipped' : 'later' })),
    );
    expect(await headlinesOf(rows)).toEqual(['one', 'later']);
    expect(await reasons()).toEqual(['refused_by_trigger']);
    expect(await decisionsOf(rows)).toEqual(['projected', 'projected']);
  });

  test('gives a row another id, or takes our mark: it is parked, and nothing is left that nobody knows', async () => {
    const rows = await ownersRows(['one', 'renamed', 'unmarked']);
    await make(`
      CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.headline = 'renamed' THEN NEW.id := gen_random_uuid(); END IF;
        IF NEW.headline = 'unmarked' THEN NEW.observations_json := NULL; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER machinery BEFORE INSERT ON ${RUNS} FOR EACH ROW EXECUTE FUNCTION public.audited()`);
    await world().project(rows.map(inserted));
    expect(await decisionsOf(rows)).toEqual(['projected', 'quarantined', 'quarantined']);
    expect(await reasons()).toEqual(['refused_by_trigger', 'refused_by_trigger']);
    const { rows: left } = await world().pool.query(
      `SELECT FROM ${RUNS} WHERE headline IN ('renamed', 'unmarked')`,
    );
    expect(left).toEqual([]);
  });

  test('keeps our row where a live row came: nothing is moved, the ledger and the sweep say so', async () => {
    const rows = await ownersRows(['skipped', 'two']);
    await world().project(rows.map(inserted));
    const { agent_url } = (await world().run(rows[0]?.id ?? '')) as { agent_url: string };
    for (const headline of ['skipped', 'two']) await world().live({ agent_url, headline });
    await make(skipping('DELETE'));
    const { absorbed, blocked } = await swept(world().pool);
    expect([absorbed, [...blocked.keys()]]).toEqual([[rows[1]?.id], [rows[0]?.id]]);
    expect(await world().ledger(rows[0]?.id ?? '')).toMatchObject({
      decision: 'projected',
      reason: 'twin_blocked',
    });
    expect(await headlinesOf(rows)).toEqual(['skipped', 'two']);
    await mend();
    expect((await swept(world().pool)).absorbed).toEqual([rows[0]?.id]);
  });
});

describe('a row that a trigger refuses', () => {
  test('in an undo stays with its decision, and is reported; the others go', async () => {
    const rows = await ownersRows(['one', 'refused', 'three']);
    await world().project(rows.map(inserted));
    await make(refusing('DELETE'));
    const { removable, blocked } = await undoAll(4);
    expect(removable).toBe(3);
    expect([...blocked.keys()]).toEqual([rows[1]?.id]);
    expect(blocked.get(rows[1]?.id ?? '')).toContain('SQLSTATE P0001, raised in audited()');
    expect(await decisionsOf(rows)).toEqual([null, 'projected', null]);
  });

  test('in a restore is parked and stays aside, is restored by a retry, and the others come back at once', async () => {
    const rows = await ownersRows(['one', 'refused', 'three']);
    await world().project(rows.map(inserted));
    await undoAll(4);
    await make(refusing('INSERT'));
    const result = await world().replay();
    expect(result).toMatchObject({ decisions: { projected: 2 }, records: { quarantined: 1 } });
    expect(await decisionsOf(rows)).toEqual(['projected', null, 'projected']);
    expect(await reasons()).toEqual(['rejected_by_postgres']);
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'failed' }]);
    await mend();
    // The decision that comes back is that of the very record, so nothing is left for the record to do.
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'superseded', decision: 'projected' }]);
    expect(await retried(world().pool)).toEqual([]);
    expect(await headlinesOf(rows)).toEqual(['one', 'refused', 'three']);
  });

  test('when it is decided anew is parked, and a retry reads it from the legacy table', async () => {
    const rows = await ownersRows(['one', 'refused', 'three'], 'user_who_joins');
    await world().project(rows.map(inserted));
    expect(await decisionsOf(rows)).toEqual(['third_party', 'third_party', 'third_party']);
    const { rows: contexts } = await world().pool.query<{ organization_id: string }>(
      'SELECT organization_id FROM public.agent_contexts WHERE id = $1',
      [rows[0]?.agent_context_id],
    );
    await world().member('user_who_joins', contexts[0]?.organization_id ?? '');
    await make(refusing('INSERT'));
    const { lateOwners } = await swept(world().pool);
    expect(new Map(lateOwners.flipped)).toEqual(
      new Map(rows.map(({ id, summary }) => [id, summary === 'refused' ? 'quarantined' : 'projected'])),
    );
    expect((await swept(world().pool)).lateOwners.flipped.size, 'it is not tried again and again').toBe(0);
    expect(await retried(world().pool)).toMatchObject([
      { outcome: 'failed', reason: 'rejected_by_postgres' },
    ]);
    await mend();
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
    expect(await headlinesOf(rows)).toEqual(['one', 'refused', 'three']);
    expect(await world().ledger(rows[1]?.id ?? '')).toMatchObject({ offset: 2 });
  });
});
