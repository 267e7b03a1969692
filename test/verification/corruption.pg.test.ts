import { beforeEach, describe, expect, test } from 'vitest';
import { readVerification } from '../../operations/facts/verification.ts';
import { cleanRows, CORRUPTIONS, spoiled, type Rows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS } from '../support/reconciled.ts';
import { stepContext, UNVERIFIED, verifiedPasses } from '../support/verified.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
let rows: Rows;
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query(UNVERIFIED);
  rows = await cleanRows(world());
});

const context = (others = {}) => stepContext(world().pool, others);
const SWEPT = `
  INSERT INTO history_cdc.last_sweep
    (outcome, swept_by, began_at, ended_at, absorbed, relinked, late_owners, settled, blocked, late_owners_reported)
  VALUES ('done', 'sweep', 'infinity', 'infinity', 0, 0, 0, 0, 0, 0)`;

describe('a pass over everything', () => {
  test('finds nothing where nothing is wrong, and counts what it compared', async () => {
    expect(await verifiedPasses(context(), 2)).toMatchObject({ wrong: [], healed: [] });
    expect(await readVerification(world().pool)).toMatchObject({
      wrong: 0,
      suspects: 0,
      lastPass: { rows: 6 + 7 + 8 },
    });
  });

  test.each(CORRUPTIONS)(
    'finds $what as $kind, by its id, and that it is right again',
    async (corruption) => {
      await verifiedPasses(context(), 1);
      const { runs, ledger, legacy } = await saved();
      const expected = await spoiled(world(), rows, corruption);
      await world().pool.query(SWEPT);
      const found = await verifiedPasses(context(), 3);
      expect(found.wrong).toEqual(expected.sort());
      expect(await readVerification(world().pool)).toMatchObject({ wrong: expected.length, suspects: 0 });
      const again = await verifiedPasses(context(), 2);
      expect(again).toMatchObject({ wrong: [], healed: [] });
      await put({ runs, ledger, legacy });
      const { healed } = await verifiedPasses(context(), 2);
      expect(healed).toEqual(expected);
      expect(await readVerification(world().pool)).toMatchObject({ wrong: 0, suspects: 0 });
    },
  );
});

const TABLES = {
  runs: 'public.agent_compliance_runs',
  ledger: 'history_cdc.ledger',
  legacy: 'public.agent_test_history',
} as const;
type Saved = Record<keyof typeof TABLES, string>;

async function saved(): Promise<Saved> {
  const texts = await Promise.all(
    Object.entries(TABLES).map(async ([name, table]) => {
      const { rows: found } = await world().pool.query<{ text: string }>(
        `SELECT json_agg(t)::text AS text FROM ${table} t`,
      );
      return [name, found[0]?.text ?? '[]'] as const;
    }),
  );
  return Object.fromEntries(texts) as Saved;
}

async function put(before: Saved): Promise<void> {
  for (const [name, table] of Object.entries(TABLES)) {
    await world().execute(`DELETE FROM ${table}`);
    await world().execute(
      `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`,
      before[name as keyof Saved],
    );
  }
}
