import { afterEach, describe, expect, test } from 'vitest';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

/*
 * What the application's own keys, constraints and triggers refuse of one canonical row. Each is made on the canonical
 * table, takes offence at one row of a batch, and goes again.
 */
const world = useWorld();

const RUNS = 'public.agent_compliance_runs';
const triggerOn = (events: string, body: string, kind = 'TRIGGER') => ({
  make: `CREATE FUNCTION public.offended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.headline = 'refused' THEN ${body} END IF; RETURN NEW; END $$;
         CREATE ${kind} offended ${events} FOR EACH ROW EXECUTE FUNCTION public.offended()`,
  drop: `DROP TRIGGER offended ON ${RUNS}; DROP FUNCTION public.offended()`,
});
const constraint = (definition: string) => ({
  make: `ALTER TABLE ${RUNS} ADD CONSTRAINT offended ${definition}`,
  drop: `ALTER TABLE ${RUNS} DROP CONSTRAINT offended`,
});
const BEFORE = `BEFORE INSERT OR UPDATE ON ${RUNS}`;
const AFTER = `AFTER INSERT OR UPDATE ON ${RUNS}`;
const AT_COMMIT = `${AFTER} DEFERRABLE INITIALLY DEFERRED`;
const RAISED = "raise_exception using message = 'no values', constraint = 'no values'";

interface Machinery {
  readonly make: string;
  readonly drop: string;
}
const OFFENDED: readonly [string, Machinery, string][] = [
  [
    'a CHECK',
    constraint("CHECK (headline <> 'refused') NOT VALID"),
    'SQLSTATE 23514, offended of public.agent_compliance_runs',
  ],
  [
    'a unique constraint',
    constraint('UNIQUE (headline)'),
    'SQLSTATE 23505, offended of public.agent_compliance_runs',
  ],
  [
    'a unique index over an expression',
    {
      make: `CREATE UNIQUE INDEX offended ON ${RUNS} (lower(headline)) WHERE triggered_by = 'owner_test'`,
      drop: 'DROP INDEX public.offended',
    },
    'SQLSTATE 23505, offended of public.agent_compliance_runs',
  ],
  [
    'a unique constraint that is deferred to the COMMIT',
    constraint('UNIQUE (headline) DEFERRABLE INITIALLY DEFERRED'),
    'SQLSTATE 23505, offended of public.agent_compliance_runs',
  ],
  [
    'an exclusion constraint',
    constraint('EXCLUDE USING btree (headline WITH =)'),
    'SQLSTATE 23P01, offended of public.agent_compliance_runs',
  ],
  ['a trigger that raises', triggerOn(BEFORE, `RAISE ${RAISED};`), 'SQLSTATE P0001, raised in offended()'],
  [
    'a trigger that raises behind the write',
    triggerOn(AFTER, `RAISE ${RAISED};`),
    'SQLSTATE P0001, raised in offended()',
  ],
  [
    'a constraint trigger that raises at the COMMIT',
    triggerOn(AT_COMMIT, `RAISE ${RAISED};`, 'CONSTRAINT TRIGGER'),
    'SQLSTATE P0001, raised in offended()',
  ],
  [
    'a code that a trigger has made up',
    triggerOn(BEFORE, "RAISE SQLSTATE 'AB123';"),
    'SQLSTATE AB123, raised in offended()',
  ],
  ...['40001', '53100', '57014'].map((code): [string, Machinery, string] => [
    `a code of the environment that a trigger raises, ${code}`,
    triggerOn(BEFORE, `RAISE SQLSTATE '${code}';`),
    `SQLSTATE ${code}, raised in offended()`,
  ]),
  [
    'a table that a trigger does not find',
    triggerOn(AFTER, 'INSERT INTO public.nowhere VALUES (NEW.id);'),
    'SQLSTATE 42P01, raised in offended()',
  ],
  [
    'a trigger that divides by zero',
    triggerOn(BEFORE, 'NEW.tracks_passed := 1 / (NEW.tracks_failed * 0);'),
    'SQLSTATE 22012, raised in offended()',
  ],
];

let machinery: Machinery | undefined;
async function make(made: Machinery): Promise<void> {
  await world().pool.query(made.make);
  machinery = made;
}
afterEach(async () => {
  if (machinery !== undefined) await world().pool.query(machinery.drop);
  machinery = undefined;
});

/** Rows of an owner, and a live row with the headline that makes a second one a duplicate. */
async function rowsOf(headlines: readonly string[]): Promise<RowValues[]> {
  const owner = await world().owner();
  await world().live({ agent_url: 'https://another.example', headline: 'refused' });
  return headlines.map((summary) => aRow({ agent_context_id: owner.context, user_id: owner.user, summary }));
}

describe('a row that is refused is parked alone, and the others of its batch are projected:', () => {
  test.each(OFFENDED)('%s', async (_, made, refusal) => {
    const rows = await rowsOf(['one', 'two', 'refused', 'three', 'four']);
    await make(made);
    const { decisions } = await world().project(rows.map(inserted));
    expect(decisions).toEqual({ projected: 4, quarantined: 1 });
    for (const row of rows) {
      const decision = row.summary === 'refused' ? 'quarantined' : 'projected';
      expect(await world().ledger(row.id)).toMatchObject({ decision });
    }
    expect(await world().quarantined()).toMatchObject([
      {
        legacy_id: rows[2]?.id,
        reason: 'rejected_by_postgres',
        detail: `Postgres refused the row: ${refusal}`,
      },
    ]);
  });

  test.each(OFFENDED)('%s, of a later image', async (_, made, refusal) => {
    const rows = await rowsOf(['one', 'two', 'three']);
    await world().project(rows.map(inserted));
    await make(made);
    const later = rows.map((row) => ({
      ...row,
      summary: row.summary === 'two' ? 'refused' : `later ${String(row.summary)}`,
    }));
    await world().project(later.map((row) => updated(row)));
    for (const { id, summary } of later) {
      expect(await world().ledger(id)).toMatchObject({ decision: 'projected' });
      expect(await world().run(id)).toMatchObject({ headline: summary === 'refused' ? 'two' : summary });
    }
    expect(await world().quarantined()).toMatchObject([
      { legacy_id: rows[1]?.id, detail: `Postgres refused the row: ${refusal}` },
    ]);
  });
});
