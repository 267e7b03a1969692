import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { everything } from '../support/fingerprint.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function run(...args: string[]): Promise<Answer> {
  const settings = {
    DATABASE_URL: world().pool.options.connectionString ?? '',
  };
  return await runInProcess(args, settings);
}

/** An owner's run, and one of somebody who is an owner only since it was decided. */
async function lateMember(): Promise<{ own: RowValues; late: RowValues }> {
  const owner = await world().owner();
  const rowOf = (user_id: string) => aRow({ agent_context_id: owner.context, user_id });
  const [own, late] = [rowOf(owner.user), rowOf('user_who_joins')];
  for (const row of [own, late]) await world().legacyRow(row);
  await world().project([own, late].map(inserted));
  await world().member('user_who_joins', owner.organization);
  // A canonical row of ours that the ledger has, and no legacy row ever had.
  await world().execute("DELETE FROM history_cdc.ledger WHERE legacy_id::text LIKE 'c0000000%'");
  for (const { id } of [own, late]) await world().ledger(id);
  return { own, late };
}

test('`redecide` ends with 1 while something is left, names it and its reason, and with 0 once it is applied', async () => {
  const { late } = await lateMember();
  const before = await everything(world().pool);
  const dry = await run('redecide');
  expect(dry).toMatchObject({ code: 1 });
  expect(dry.stdout).toContain(
    `${late.id}  third_party -> projected  (membership now)  inside the grace window`,
  );
  expect(dry.stdout).toContain('`history-cdc redecide --apply`');
  expect(await everything(world().pool)).toEqual(before);
  const applied = await run('redecide', '--apply', '--json');
  expect(applied.code).toBe(0);
  expect(JSON.parse(applied.stdout)).toMatchObject({
    lookedUp: 2,
    rows: [
      {
        legacyId: late.id,
        from: 'third_party',
        to: 'projected',
        why: ['membership now'],
        applied: 'projected',
      },
    ],
    applied: 1,
    left: 0,
  });
  expect(await run('redecide')).toMatchObject({ code: 0 });
});

test('`redecide` says how what is too late is applied, and does not call an owner’s run that stands a fault', async () => {
  const { own, late } = await lateMember();
  await world().execute("UPDATE history_cdc.ledger SET decided_at = decided_at - interval '2 days'");
  const tooLate = await run('redecide', '--apply');
  expect(tooLate.code).toBe(1);
  expect(tooLate.stdout).toContain(`${late.id}  third_party -> projected  (membership now)  too late`);
  expect(tooLate.stdout).toContain('OWNERSHIP_GRACE_HOURS=<hours> history-cdc redecide --apply');
  await world().execute('DELETE FROM public.organization_memberships');
  const standing = await run('redecide', '--apply');
  expect(standing.code).toBe(0);
  expect(standing.stdout).toContain(`${own.id}  projected -> third_party  (membership lost)  stands`);
});

test('`undo` says what it would do, refuses what is not confirmed, and does it', async () => {
  const { own } = await lateMember();
  const before = await everything(world().pool);
  const dry = await run('undo');
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain('history-cdc undo --apply --confirm 1');
  const refused = await run('undo', '--apply', '--confirm', '2');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain(
    'error NOT_CONFIRMED: 1 canonical rows would be removed, but 2 was confirmed',
  );
  expect(await everything(world().pool)).toEqual(before);
  const done = await run('undo', '--apply', '--confirm', '1', '--json');
  expect(done.code).toBe(0);
  expect(JSON.parse(done.stdout)).toEqual({
    applied: true,
    projected: 1,
    removed: 1,
    onlyInTopic: 0,
    prunedBefore: 0,
    blocked: {},
  });
  expect(await world().run(own.id)).toBeUndefined();
});

test('`undo` ends with 1 where a row stays, and names what refers to it', async () => {
  const { own } = await lateMember();
  await world().execute(
    `INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
     VALUES ($1, 'storyboard', 'step', true)`,
    canonicalRunId(own.id),
  );
  const dry = await run('undo');
  expect(dry.code).toBe(1);
  expect(dry.stdout).toContain(`blocked ${own.id}: public.agent_compliance_step_diagnostics refers to it`);
  expect(await run('undo', '--apply', '--confirm', '0')).toMatchObject({ code: 1 });
  expect(await world().run(own.id)).toMatchObject({ id: canonicalRunId(own.id) });
});
