import { describe, expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { forget, type Forgotten } from '../../operations/forget/forget.ts';
import { redecide } from '../../operations/redecide/redecide.ts';
import { FatalError } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import { avroValue } from '../support/avro-records.ts';
import { explained } from '../support/explained.ts';
import { everything } from '../support/fingerprint.ts';
import { useProjectorRole } from '../support/projector-role.ts';
import { reconciled } from '../support/reconciled.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { MATCHING } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

/** The tables of ours, and the canonical one, in which a text stands somewhere: as text, or inside bytes. */
async function tablesThatName(pool: Pool, text: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'history_cdc'::regnamespace
        OR c.oid = 'public.agent_compliance_runs'::regclass ORDER BY 1`,
  );
  expect(tables.length).toBeGreaterThan(15);
  const hex = Buffer.from(text).toString('hex');
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await pool.query(
      `SELECT FROM ${name} t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0 LIMIT 1`,
      [text, hex],
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}

describe('a person who is forgotten', () => {
  const world = useWorld();
  const run = (user: string, apply = true): Promise<Forgotten> =>
    forget({ canonical: world().pool, legacy: world().pool, user, apply });

  interface Life {
    readonly owner: Owner;
    readonly own: RowValues;
    readonly twin: RowValues;
    readonly strangers: RowValues;
    readonly parked: RowValues;
    readonly goneByUndo: RowValues;
  }

  /** Runs of one person in every place where a user id comes to lie. */
  async function aLife(): Promise<Life> {
    const [owner, elsewhere] = [await world().owner(), await world().owner()];
    const row = (values: Partial<RowValues> = {}) =>
      aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
    const goneByUndo = row({ summary: 'taken back' });
    const [own, twin] = [row({ summary: 'own' }), row({ summary: 'of both' })];
    const strangers = row({ agent_context_id: elsewhere.context });
    const parked = row({ summary: 'parked' });
    await world().live({
      agent_url: owner.url,
      headline: 'of both',
      total_duration_ms: 1234,
      tested_at: twin.started_at,
    });
    for (const each of [own, twin, strangers]) await world().legacyRow(each);
    await world().project([
      ...[inserted(own), inserted(twin), inserted(strangers)],
      ...[updated(parked, 'summary'), inserted(goneByUndo)],
    ]);
    const decisions = [own, twin, strangers, parked].map(
      async ({ id }) => (await world().ledger(id))?.['decision'],
    );
    expect(await Promise.all(decisions)).toEqual(['projected', 'twin', 'third_party', 'quarantined']);
    await world().execute('SELECT history_cdc.undo_projected(ARRAY[$1::uuid])', goneByUndo.id);
    expect(await world().ledger(goneByUndo.id)).toBeUndefined();
    return { owner, own, twin, strangers, parked, goneByUndo };
  }

  const NAMED = [
    'agent_compliance_runs',
    'history_cdc.ledger',
    'history_cdc.quarantine',
    'history_cdc.undone',
    'history_cdc.unsettled_twin',
  ];

  test('is named nowhere any more, and every decision stands', async () => {
    const { owner, own, twin, strangers, parked } = await aLife();
    expect(await tablesThatName(world().pool, owner.user)).toEqual(NAMED);
    const before = await everything(world().pool);
    const planned = await run(owner.user, false);
    expect(await everything(world().pool), 'a dry run changes nothing').toEqual(before);
    expect(planned).toMatchObject({
      ledger: 3,
      canonicalRuns: 1,
      unsettledTwins: 1,
      undone: 1,
      legacyRows: 3,
    });
    expect(planned.parked).toHaveLength(1);
    expect(planned.open).toEqual(planned.parked);
    const decided = await Promise.all([own, twin, strangers, parked].map(({ id }) => world().ledger(id)));

    expect(await run(owner.user)).toEqual(planned);
    expect(await tablesThatName(world().pool, owner.user)).toEqual([]);
    const after = await Promise.all([own, twin, strangers, parked].map(({ id }) => world().ledger(id)));
    const aliases = after.map((entry) => entry?.['user_id']);
    expect(aliases.slice(0, 3)).toEqual([aliases[0], aliases[0], aliases[0]]);
    expect(aliases[0]).toMatch(/^forgotten:[0-9a-f-]{36}$/);
    const rest = (entry: unknown) => ({ ...(entry as object), user_id: null });
    expect(after.map(rest)).toEqual(decided.map(rest));
    const [action] = await listActions(world().pool, 1);
    expect(action).toMatchObject({ command: 'forget --apply', counts: { ledger: 3, parked: 1 } });
    expect(await run(owner.user), 'a second time finds nothing').toMatchObject({
      ledger: 0,
      canonicalRuns: 0,
    });
  });

  test('stays forgotten: replay, later events, restore, sweep and redecide bring nobody back, and reconcile proves it', async () => {
    const { owner, own, twin, strangers, parked, goneByUndo } = await aLife();
    await world().execute('DELETE FROM history_cdc.quarantine');
    await world().execute("DELETE FROM history_cdc.ledger WHERE decision = 'quarantined'");
    await world().legacyRow(parked);
    await run(owner.user);
    await world().replay();
    const changed = { ...own, summary: 'changed', steps_failed: 3 };
    const [late, later] = [
      aRow({ agent_context_id: owner.context, user_id: owner.user }),
      { ...strangers, steps_failed: 9 },
    ];
    await world().legacyRow(late);
    for (const { id, summary, steps_failed } of [changed, later])
      await world().execute(
        'UPDATE public.agent_test_history SET summary = $2, steps_failed = $3 WHERE id = $1',
        id,
        summary,
        steps_failed,
      );
    await world().project([
      ...[updated(changed), inserted(late), updated(later), updated(twin), inserted(parked)],
      inserted(goneByUndo),
    ]);
    await world().legacyRow(goneByUndo);
    expect(await world().run(own.id)).toMatchObject({ headline: 'changed', tracks_failed: 3 });
    expect(await world().ledger(own.id)).toMatchObject({ decision: 'projected', reason: 'owner' });
    expect(await world().ledger(twin.id)).toMatchObject({ decision: 'twin' });
    for (const { id } of [late, parked, goneByUndo])
      expect(await world().ledger(id)).toMatchObject({ decision: 'projected' });
    expect(await world().ledger(strangers.id)).toMatchObject({ decision: 'third_party' });
    const { canonical, legacy } = { canonical: world().pool, legacy: world().pool };
    const again = await redecide({
      ...{ canonical, legacy, optOutPolicy: 'respect', matching: MATCHING, graceSeconds: 3600, apply: true },
      progress: () => undefined,
    });
    expect(again.changes.filter(({ legacyId }) => legacyId === own.id)).toEqual([]);
    await swept(world().pool);
    await world().replay();
    expect(await tablesThatName(world().pool, owner.user)).toEqual([]);

    await world().pool.query('DELETE FROM history_cdc.reconcile_run');
    const { named, run: verdict } = await reconciled(world().pool);
    expect(
      named.filter((each) => [own, twin, strangers, late, parked].some(({ id }) => each.endsWith(id))),
    ).toEqual([]);
    expect(verdict.legacy_rows).not.toBe('0');
    const report = await explained(world(), own.id);
    expect(report.look_ups?.changed).toEqual([]);
    expect(report.verdict.text).toContain(canonicalRunId(own.id));
  });

  test('whose run moves to another agent of theirs is followed; whose membership ended is updated where the run stays', async () => {
    const { owner, own } = await aLife();
    const other = await world().owner();
    await world().member(owner.user, other.organization);
    await run(owner.user);
    await world().replay();
    const moved = { ...own, agent_context_id: other.context };
    await world().project([updated(moved)]);
    expect(await world().run(own.id)).toMatchObject({ agent_url: other.url });
    expect(await tablesThatName(world().pool, owner.user)).toEqual([]);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      owner.user,
    );
    await world().project([updated({ ...moved, summary: 'later' })]);
    expect(await world().run(own.id)).toMatchObject({ headline: 'later' });
    expect(await world().ledger(own.id)).toMatchObject({ decision: 'projected', reason: 'owner' });
  });

  test('is told from a person whose id begins alike, in JSON and in Avro', async () => {
    const { owner } = await aLife();
    const [json] = await world().quarantined();
    const longer = `${owner.user}x`;
    const records = [owner.user, longer].map((user_id) =>
      avroValue('c', { after: aRow({ agent_context_id: owner.context, user_id }) }),
    );
    await world().pool.query('UPDATE history_cdc.quarantine SET healed_at = now() WHERE id = $1', [
      json?.['id'],
    ]);
    for (const [index, value] of records.entries())
      await world().execute(
        `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", reason, detail, record_value)
         SELECT topic_id, 3, $1, 'undecodable', 'a test', $2 FROM history_cdc.topic LIMIT 1`,
        index,
        value,
      );
    const { parked, open } = await run(owner.user);
    expect(parked).toHaveLength(2);
    expect(open).toHaveLength(1);
    const left = (await world().quarantined()).filter((each) => each['record_value'] !== null);
    expect(left).toHaveLength(1);
    expect(await tablesThatName(world().pool, longer)).toEqual(['history_cdc.quarantine']);
  });

  test('leaves parked records that a retry leaves parked, with their reason', async () => {
    const { owner, parked } = await aLife();
    await run(owner.user);
    await world().replay();
    await world().legacyRow(parked);
    expect(await retried(world().pool)).toMatchObject([
      { outcome: 'failed', legacyId: parked.id, reason: 'value_unavailable' },
    ]);
    await world().project([updated(parked)]);
    expect(await world().ledger(parked.id)).toMatchObject({ decision: 'projected' });
    expect(await tablesThatName(world().pool, owner.user)).toEqual([]);
  });
});

describe('the role of a projector', () => {
  const the = useProjectorRole();

  test('may forget nobody, and changes nothing', async () => {
    const options = { canonical: the().projector, legacy: the().projector, user: 'user_x', apply: true };
    const error: unknown = await forget(options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FatalError);
    expect((error as FatalError).code).toBe('DATABASE_UNFIT');
    const { rows } = await the().open.pool.query('SELECT FROM history_cdc.forgotten_user');
    expect(rows).toEqual([]);
    expect(await forget({ ...options, canonical: the().open.pool, legacy: the().open.pool })).toMatchObject({
      ledger: 0,
    });
  });
});
