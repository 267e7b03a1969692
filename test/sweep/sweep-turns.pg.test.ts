import { describe, expect, test } from 'vitest';
import { lockAgents } from '../../consumers/agent-test-history/twins/agent-locks.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { inserted } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { swept } from '../support/swept.ts';
import { after, projected, runOf, useTurns } from '../support/taking-turns.ts';
import { whereabouts } from '../support/waiting.ts';

const { topic, sessions, poolOf, standing } = useTurns();

const HOLD_OFFSETS = 'SELECT FROM history_cdc.consumer_offset FOR UPDATE';

describe('a replay', () => {
  test('waits for the batch that its partition is in', async () => {
    const row = runOf(await topic().owner());
    const run = topic().commit([inserted(row)], await topic().claim('first'), poolOf('replay'));
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const replay = runRecords({ ...run, mode: { kind: 'replay' } });
    expect(await whereabouts(topic().pool, 'replay', replay)).toBe('offsets');
    await held.release();
    await replay;
    expect(await standing(row)).toEqual(projected(row));
  });
});

const startSweep = () => swept(poolOf('sweep'), { legacy: topic().pool });
const sweepWaits = async (run: Promise<unknown>) => await whereabouts(topic().pool, 'sweep', run);

describe('a sweep', () => {
  /** A run that was projected before its live row came. */
  async function overtaken(owner: Owner) {
    const row = runOf(owner);
    await runRecords(topic().commit([inserted(row)], await topic().claim('first')));
    return { row, live: await topic().live({ agent_url: owner.url, tested_at: after(1) }) };
  }

  test('links nothing while a batch is in hand', async () => {
    const { row, live } = await overtaken(await topic().owner());
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('offsets');
    expect(await standing(row)).toEqual(projected(row));
    await held.release();
    expect((await run).absorbed).toEqual([row.id]);
    expect(await standing(row)).toEqual(['twin', live]);
  });

  test('settles nothing while a batch is in hand', async () => {
    const owner = await topic().owner();
    const row = runOf(owner);
    await topic().live({ agent_url: owner.url, tested_at: after(1) });
    await runRecords(topic().commit([inserted(row)], await topic().claim('first')));
    await topic().execute('UPDATE history_cdc.topic SET partitions = 1');
    await topic().execute('UPDATE history_cdc.consumer_offset SET streamed_until = $1', after(3600));
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('offsets');
    await held.release();
    expect(await run).toMatchObject({ settled: 1 });
  });

  test('keeps no batch waiting where there is nothing to do', async () => {
    await topic().claim('first');
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('ended');
    await held.release();
    expect(await run).toMatchObject({ settled: 0 });
  });

  test('links nothing of an agent whose runs the first batch of a new partition is matching', async () => {
    const owner = await topic().owner();
    const { row } = await overtaken(owner);
    const batch = await sessions.hold(topic().pool, 'SELECT 1');
    await lockAgents(batch.client, [owner.url]);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('agents');
    expect(await standing(row)).toEqual(projected(row));
    await batch.release();
    expect((await run).absorbed).toEqual([row.id]);
  });

  test('waits for a row that begins to refer to ours, and then moves nothing', async () => {
    const { row } = await overtaken(await topic().owner());
    const held = await sessions.hold(
      topic().pool,
      `INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
       VALUES ($1, 'storyboard', 'step', true)`,
      canonicalRunId(row.id),
    );
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('another row');
    await held.release();
    expect(await run).toMatchObject({
      absorbed: [],
      blocked: new Map([[row.id, 'public.agent_compliance_step_diagnostics']]),
    });
    const { rows } = await topic().pool.query(
      'SELECT FROM public.agent_compliance_step_diagnostics WHERE run_id = $1',
      [canonicalRunId(row.id)],
    );
    expect(rows).toHaveLength(1);
  });
});

describe('a sweep that finds a membership that came late', () => {
  const STRANGER = 'user_who_joins';
  async function joined() {
    const owner = await topic().owner();
    const row = runOf(owner, { user_id: STRANGER });
    await topic().legacyRow(row);
    await runRecords(topic().commit([inserted(row)], await topic().claim('first')));
    await topic().member(STRANGER, owner.organization);
    return { owner, row };
  }

  test('decides nothing while a batch is in hand', async () => {
    const { row } = await joined();
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('offsets');
    expect(await standing(row)).toEqual(['third_party', null]);
    await held.release();
    expect((await run).lateOwners.flipped).toEqual(new Map([[row.id, 'projected']]));
  });

  test('decides nothing of an agent whose runs another batch is matching', async () => {
    const { owner, row } = await joined();
    const batch = await sessions.hold(topic().pool, 'SELECT 1');
    await lockAgents(batch.client, [owner.url]);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('agents');
    expect(await standing(row)).toEqual(['third_party', null]);
    await batch.release();
    expect((await run).lateOwners.flipped.size).toBe(1);
  });

  test.each([
    ['was deleted', 'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE user_id = $1'],
    [
      'got another decision',
      "UPDATE history_cdc.ledger SET decision = 'anonymous', reason = 'by hand' WHERE user_id = $1",
    ],
    ['lost the membership again', 'DELETE FROM public.organization_memberships WHERE workos_user_id = $1'],
  ])('leaves a run alone that %s before it had the lock', async (_, statement) => {
    const { row } = await joined();
    const held = await sessions.hold(topic().pool, HOLD_OFFSETS);
    const run = startSweep();
    expect(await sweepWaits(run)).toBe('offsets');
    await held.execute(statement, STRANGER);
    await held.release();
    expect((await run).lateOwners).toMatchObject({ flipped: new Map(), changes: { ledgerWritten: 0 } });
    expect((await topic().ledger(row.id))?.['canonical_run_id']).toBeNull();
  });
});
