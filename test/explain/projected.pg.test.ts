import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { explained, given, runOf } from '../support/explained.ts';
import { deleted, rawRecord } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

describe('a projected row', () => {
  test('is explained by its legacy id and by its canonical id alike, with position, look-ups and canonical row', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    const byLegacyId = await explained(world(), row.id);
    expect(byLegacyId).toMatchObject({
      known: true,
      identity: { kind: 'legacy_row', legacy_id: row.id },
      legacy_row: {
        scenario: 'quality_evaluation',
        steps_passed: 7,
        agent_profile_bytes: 33,
        steps_bytes: 13,
      },
      ledger: {
        decision: 'projected',
        reason: 'owner',
        partition: 0,
        offset: '1',
        op: 'c',
        lsn: '0/16E9058',
      },
      look_ups: {
        then: { agent_url: owner.url, is_member: true, lists_agent: true },
        now: { owner: true },
        changed: [],
      },
      canonical_run: { id: canonicalRunId(row.id), whose: 'ours', linked_legacy_id: row.id },
      referred_by: null,
      today: { decision: 'projected', rule: { decision: 'projected', reason: 'owner' } },
      events: null,
      notes: ['events: not read here'],
      verdict: {
        text: expect.stringContaining(canonicalRunId(row.id)) as string,
        next: null,
      },
    });
    expect(JSON.stringify(byLegacyId)).not.toContain('"version"');
    const byCanonicalId = await explained(world(), canonicalRunId(row.id));
    expect(byCanonicalId.identity).toMatchObject({ kind: 'own_run', legacy_id: row.id });
    expect({ ...byCanonicalId, id: '', identity: null }).toEqual({ ...byLegacyId, id: '', identity: null });
  });

  test('whose user left the organisation: the changed look-ups are marked, and the decision stands', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      owner.user,
    );
    const report = await explained(world(), row.id);
    expect(report.look_ups).toMatchObject({
      now: { owner: false, is_member: false },
      changed: ['is_member'],
    });
    expect(report.today).toMatchObject({
      decision: 'projected',
      rule: { decision: 'third_party', reason: 'not_a_member' },
    });
    expect(report.verdict.text).toMatch(/third_party \(not_a_member\)/);
  });

  test('that was deleted: what is known is the ledger and the canonical row', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    await world().project([deleted(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', row.id);
    const report = await explained(world(), row.id);
    expect(report).toMatchObject({
      known: true,
      legacy_row: null,
      today: null,
      canonical_run: { whose: 'ours' },
    });
    expect(report.verdict.text).toMatch(/2026-05-06 07:08:09\.123\+00$/);
  });

  test('that missed a later record: it says so, and how the record is retried', async () => {
    const row = runOf(await world().owner());
    await given(world(), [row]);
    await world().project([rawRecord(row.id, { op: 'u' }), rawRecord(row.id, { op: 'u' })]);
    const { verdict } = await explained(world(), row.id);
    expect(verdict.text).toContain(canonicalRunId(row.id));
    expect(verdict.text).toContain('(record 0:3)');
    expect(verdict.next).toContain(`history-cdc quarantine list --all --legacy-id ${row.id} `);
    expect(verdict.next).toContain(`history-cdc quarantine retry --legacy-id ${row.id} --apply`);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 1 });
  });

  test('whose ledger entry was lost calls for a replay', async () => {
    const row = runOf(await world().owner());
    await given(world(), [row]);
    await world().execute('DELETE FROM history_cdc.ledger WHERE legacy_id = $1', row.id);
    const { verdict, ledger } = await explained(world(), canonicalRunId(row.id));
    expect(ledger).toBeNull();
    expect(verdict.text).toContain(`${canonicalRunId(row.id)} (ours)`);
    expect(verdict.next).toContain('history-cdc replay');
  });

  test('whose canonical row is gone is not written again; its canonical id still leads to it', async () => {
    const row = runOf(await world().owner());
    await given(world(), [row]);
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
    const report = await explained(world(), canonicalRunId(row.id));
    expect(report).toMatchObject({
      identity: { kind: 'pruned_run', legacy_id: row.id },
      canonical_run: null,
    });
    expect(report.verdict.text).toContain(canonicalRunId(row.id));
  });
});
