import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { explained, given, runOf, somethingElse } from '../support/explained.ts';
import { deleted, envelopeOf, inserted, rawRecord } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

test('a row that the script copied is explained by the copy’s id', async () => {
  const row = runOf(await world().owner());
  const copy = await world().scriptCopy(row.id);
  await given(world(), [row]);
  const report = await explained(world(), copy);
  expect(report).toMatchObject({
    identity: { kind: 'script_copy', legacy_id: row.id },
    ledger: { decision: 'adopted' },
    canonical_run: { whose: 'script', source_legacy_id: row.id },
    verdict: {
      text: expect.stringMatching(new RegExp(`${copy}.*script_copy`)) as string,
    },
  });
});

describe('a row without a canonical row', () => {
  test('of a stranger says why; once the user owns the agent, it says that too, and what would be decided', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { user_id: 'a_stranger' });
    await given(world(), [row]);
    const before = await explained(world(), row.id);
    expect(before.verdict).toEqual({
      text: expect.stringContaining('member') as string,
      next: null,
    });
    await world().member('a_stranger', owner.organization);
    const report = await explained(world(), row.id);
    expect(report.verdict.text).toMatch(/projected \(owner\)$/);
    expect(report.verdict.next).toContain('history-cdc sweep');
  });

  test.each([
    ['anonymous', { user_id: null }, 'no_user_id'],
    ['orphaned', { agent_context_id: randomUUID() }, 'context_missing'],
  ])('%s', async (decision, values, reason) => {
    const row = runOf(await world().owner(), values);
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision });
    expect(await explained(world(), row.id)).toMatchObject({
      ledger: { decision },
      legacy_row: null,
      verdict: { text: expect.stringContaining(`(${reason})`) as string },
    });
  });

  test('opted out', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const row = runOf(owner);
    await given(world(), [row]);
    expect((await explained(world(), row.id)).verdict.text).toMatch(/compliance_opt_out/);
  });

  test('deleted before it was seen', async () => {
    const row = runOf(await world().owner());
    await world().project([deleted(row.id)]);
    expect(await world().ledger(row.id)).toBeDefined();
    expect(await explained(world(), row.id)).toMatchObject({
      known: true,
      look_ups: null,
      verdict: {
        text: expect.stringContaining('2026-05-06 07:08:09.123+00') as string,
      },
    });
  });

  test('quarantined: the record, why, and what would be decided if the row came readable', async () => {
    const row = runOf(await world().owner());
    await given(world(), [row], [rawRecord(row.id, envelopeOf('x', { after: row }))]);
    const report = await explained(world(), row.id);
    expect(report).toMatchObject({
      ledger: { decision: 'quarantined' },
      quarantine: [{ partition: 0, offset: '1', reason: 'unmappable', healed_at: null, waived_at: null }],
      today: { decision: 'projected' },
    });
    const [{ id } = { id: '' }] = report.quarantine;
    expect(report.verdict).toEqual({
      text: expect.stringMatching(/\(unmappable\).*\(record 0:1\).*projected \(owner\)$/) as string,
      next: expect.stringMatching(
        new RegExp(
          `history-cdc quarantine show ${id} .*history-cdc quarantine retry --legacy-id ${row.id} --apply`,
        ),
      ) as string,
    });
  });

  test('quarantined and waived: by whom and why, and the one way to take the record up all the same', async () => {
    const row = runOf(await world().owner());
    await given(world(), [row], [rawRecord(row.id, envelopeOf('x', { after: row }))]);
    const [{ id } = { id: '' }] = (await explained(world(), row.id)).quarantine;
    await waive(world().pool, { ids: [id], by: 'the data owner', reason: 'a test row' });
    const { verdict } = await explained(world(), row.id);
    expect(verdict.text).toContain('(record 0:1); waived by the data owner: a test row');
    expect(verdict.next).toContain(`history-cdc quarantine show ${id} `);
    expect(verdict.next).toContain(`history-cdc quarantine retry --id ${id} --apply`);
  });
});

describe('a row that was never seen', () => {
  test('says so, and what it would be: also a twin', async () => {
    await somethingElse(world());
    const owner = await world().owner();
    const [plain, recorded] = [runOf(owner), runOf(owner, { summary: 'recorded' })];
    const live = await world().live({ agent_url: owner.url, headline: 'recorded' });
    for (const row of [plain, recorded]) await world().legacyRow(row);
    expect(await explained(world(), plain.id)).toMatchObject({
      known: true,
      ledger: null,
      look_ups: { then: null, now: { owner: true }, changed: [] },
      today: { decision: 'projected', canonical_run_id: canonicalRunId(plain.id) },
      verdict: {
        text: expect.stringContaining('projected (owner)') as string,
      },
    });
    expect((await explained(world(), recorded.id)).today).toMatchObject({
      decision: 'twin',
      canonical_run_id: live,
    });
  });

  test('that Postgres refuses would be quarantined', async () => {
    await somethingElse(world());
    const row = runOf(await world().owner());
    await world().legacyRow(row);
    await world().pool.query(
      'ALTER TABLE public.agent_compliance_runs ADD CONSTRAINT not_this CHECK (tracks_passed <> 77) NOT VALID',
    );
    await world().execute('UPDATE public.agent_test_history SET steps_passed = 77 WHERE id = $1', row.id);
    try {
      expect((await explained(world(), row.id)).today).toMatchObject({
        decision: 'quarantined',
        reason: 'rejected_by_postgres',
        rule: { decision: 'projected' },
      });
    } finally {
      await world().pool.query('ALTER TABLE public.agent_compliance_runs DROP CONSTRAINT not_this');
    }
  });
});

test('an id that nothing knows is known nowhere, and a heartbeat’s run has no legacy row', async () => {
  await somethingElse(world());
  const id = randomUUID();
  expect(await explained(world(), id)).toMatchObject({
    known: false,
    identity: { kind: 'unknown', legacy_id: null },
    verdict: {
      text: expect.stringContaining(id) as string,
    },
  });
  expect(await explained(world(), 'b0000000-0000-4000-8000-000000000002')).toMatchObject({
    known: true,
    identity: { kind: 'other_run' },
    verdict: {
      text: expect.stringContaining('heartbeat') as string,
    },
  });
});
