import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANSWERS } from '../../cli/answers.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, type RowValues } from '../support/records.ts';
import { Tables } from '../support/tables.ts';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});

async function run(...args: string[]): Promise<Answer> {
  return await runInProcess(['reconcile', ...args], { DATABASE_URL: open.database.url });
}

async function lostRow(): Promise<RowValues> {
  const tables = new Tables(open.pool);
  const { context, user } = await tables.owner();
  const row = aRow({ agent_context_id: context, user_id: user });
  await tables.legacyRow(row);
  return row;
}

const document = ANSWERS.reconcile;

test('without a verdict so far, --last ends with 2 and the way out', async () => {
  const { code, stdout, stderr } = await run('--last');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('way out: run `history-cdc reconcile`');
});

test('ends with 1 and the id where a row is lost, with 0 where it is accepted, and with 0 where nothing is wrong', async () => {
  const row = await lostRow();
  const found = await run('--source-is-quiet');
  expect(found.code).toBe(1);
  expect(found.stdout).toContain(`unseen legacy=${row.id} canonical=-`);
  expect(found.stdout).toContain('wrong: see the findings');
  const inFlight = await run('--settle-seconds', '0', '--json');
  expect(inFlight.code).toBe(1);
  expect(inFlight.stdout).toContain('there is no slot');
  expect(document.parse(JSON.parse(inFlight.stdout))).toMatchObject({
    verdict: 'not_proven',
    legacyRows: 1,
    findings: [{ kind: 'unseen', legacyId: row.id, state: 'in_flight' }],
  });

  const file = path.join(temporaryFolder(), 'accepted.json');
  const rule = { kind: 'unseen', legacy_id: row.id, owner: 'a team', reason: 'a test row' };
  const rules = [
    { id: 'r1', ...rule, expires: '2999-01-01' },
    { id: 'r2', ...rule, expires: '2020-01-01' },
  ];
  writeFileSync(file, JSON.stringify({ version: 1, rules }));
  const accepted = await run('--source-is-quiet', '--accept', file, '--json');
  expect(accepted.code).toBe(0);
  expect(accepted.stderr).toContain('the rule r2 expired on 2020-01-01: not applied');
  expect(document.parse(JSON.parse(accepted.stdout))).toMatchObject({
    verdict: 'proven',
    accepted: { r1: 1 },
  });

  expect((await run('--last')).stdout).toContain('but for 1 accepted differences');
  const { rows: kept } = await open.pool.query<{ accept_rules: unknown }>(
    'SELECT accept_rules FROM history_cdc.reconcile_run ORDER BY id DESC LIMIT 1',
  );
  expect(kept).toEqual([
    { accept_rules: [{ id: 'r1', owner: 'a team', reason: 'a test row', expires: '2999-01-01' }] },
  ]);

  writeFileSync(file, JSON.stringify({ version: 1, rules: rules.slice(1) }));
  const expired = await run('--source-is-quiet', '--accept', file, '--json');
  expect(expired.code).toBe(1);
  expect(document.parse(JSON.parse(expired.stdout))).toMatchObject({ verdict: 'wrong', accepted: {} });

  await open.pool.query('DELETE FROM public.agent_test_history');
  const clean = await run('--json');
  expect(clean.code).toBe(0);
  expect(document.parse(JSON.parse(clean.stdout))).toMatchObject({ verdict: 'proven', findings: [] });
});

test('--last prints the last verdict, and says when it is stale', async () => {
  await run('--source-is-quiet');
  const last = await run('--last', '--json');
  expect(last.code).toBe(0);
  expect(document.parse(JSON.parse(last.stdout))).toMatchObject({ verdict: 'proven', stale: null });
  await open.pool.query(
    "UPDATE history_cdc.reconcile_run SET finished_at = finished_at - interval '25 hours'",
  );
  const stale = await run('--last');
  expect(stale.code).toBe(1);
  expect(stale.stdout).toContain('the verdict is stale: it is older than 24 hours');
  await open.pool.query("UPDATE history_cdc.reconcile_run SET finished_at = now(), release = '0.0.1'");
  const earlier = await run('--last');
  expect(earlier.code).toBe(1);
  expect(earlier.stdout).toContain('the verdict is stale: it was given by release 0.0.1');
});

test('while a gap of the stream is open, nothing is proven; a proof that began after its acceptance closes it', async () => {
  await open.pool.query(`
    INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES ('00000000-0000-4000-8000-00000000000a', 'topic', 1);
    INSERT INTO history_cdc.gap (topic_id, kind, evidence)
    SELECT topic_id, 'position', 'the slot is ahead' FROM history_cdc.topic`);
  const unaccepted = await run('--source-is-quiet', '--fresh');
  expect(unaccepted).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/proven while gap \d+ of/) as string,
  });
  await open.pool.query('UPDATE history_cdc.gap SET accepted_at = clock_timestamp()');
  const last = await run('--last', '--json');
  expect({ code: last.code, facts: JSON.parse(last.stdout) as unknown }).toMatchObject({
    code: 1,
    facts: { verdict: 'proven', gaps: [{ kind: 'position', acceptedAt: expect.any(String) as string }] },
  });
  const closed = await run('--source-is-quiet', '--json');
  expect(closed.stderr).toMatch(/gap \d+ of the stream is closed/);
  expect({ code: closed.code, facts: JSON.parse(closed.stdout) as unknown }).toMatchObject({
    code: 0,
    facts: { gaps: [] },
  });
});

test.each([
  ['a file that is not there', ['--accept', '/no/such/file'], 'error CONFIG_INVALID'],
  ['a number that is none', ['--settle-seconds', 'soon'], 'It must be a whole number from 0 to 3600.'],
])('%s is misuse: 2', async (_, args, message) => {
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
});
