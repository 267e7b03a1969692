import { describe, expect, test } from 'vitest';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { usePartitions } from '../support/partitions.ts';
import { PLACEHOLDER, rawRecord, updated, type Message, type RowValues } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';

const topic = usePartitions();

async function quarantine(...args: string[]): Promise<Answer> {
  const settings = {
    DATABASE_URL: topic().url,
    UNAVAILABLE_PLACEHOLDER: PLACEHOLDER,
  };
  return await runInProcess(['quarantine', ...args], settings);
}

async function facts(...args: string[]): Promise<unknown> {
  return JSON.parse((await quarantine(...args, '--json')).stdout) as unknown;
}

async function park(message: Message): Promise<string> {
  await runRecords(topic().commit([message], await topic().claim('one')));
  return String((await topic().quarantined()).at(-1)?.['id']);
}

/** A row that can be retried once it is in the legacy table. */
async function parkPartial(): Promise<{ readonly row: RowValues; readonly id: string }> {
  const row = topic().ownersRow();
  return { row, id: await park(updated(row, 'summary')) };
}

describe('history-cdc quarantine', () => {
  test('list ends with 0, and with 1 where it is to check and something is open', async () => {
    const empty = await quarantine('list', '--check');
    expect(empty).toMatchObject({ code: 0, stdout: 'open 0, waived 0, healed 0\n' });
    const { row, id } = await parkPartial();
    const { code, stdout } = await quarantine('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${id} +topic:0:0 +${row.id} +value_unavailable .* open `, 'm'));
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('open 1 (value_unavailable 1), waived 0, healed 0');
    expect((await quarantine('list', '--check')).code).toBe(1);
    expect(await facts('list')).toMatchObject({
      records: [{ id, legacyId: row.id, state: 'open', attempts: 0 }],
      counts: { value_unavailable: { open: 1, waived: 0, healed: 0 } },
    });
  });

  test('show prints what a record says, its ledger row, and what a retry would do; its bytes only where asked', async () => {
    const { row, id } = await parkPartial();
    const { code, stdout } = await quarantine('show', id);
    expect(code).toBe(0);
    expect(stdout).toContain(`"scenario": "${row.scenario}"`);
    expect(stdout).toContain('ledger        quarantined (value_unavailable)');
    expect(stdout).toContain('a retry now   parked again: value_unavailable: values were left out');
    expect(stdout).not.toContain('raw ');
    await topic().legacyRow(row);
    const shown = (await facts('show', id)) as Record<string, unknown>;
    expect(shown).toMatchObject({
      id,
      content: {
        key: { format: 'json', value: { id: row.id } },
        value: { format: 'json', value: { op: 'u' } },
      },
      ledger: { decision: 'quarantined' },
      retryNow: { outcome: 'decided', decision: 'projected' },
    });
    expect(shown['raw']).toBeUndefined();
    const { raw } = (await facts('show', id, '--raw')) as { raw: { key: string } };
    expect(Buffer.from(raw.key, 'base64').toString()).toBe(JSON.stringify({ id: row.id }));
    expect((await topic().quarantined())[0]).toMatchObject({ attempts: 0, healed_at: null });
  });

  test('show of bytes that nobody can read says how many there are', async () => {
    const row = topic().ownersRow();
    const id = await park(rawRecord(row.id, Buffer.from([0, 0, 0, 0, 7, 1, 2])));
    const { stdout } = await quarantine('show', id);
    expect(stdout).toContain('value         cannot be read (7 bytes, schema 7; --raw shows them)');
  });

  test('retry only says what it would do, and does it with --apply', async () => {
    const [mended, hopeless] = [await parkPartial(), await parkPartial()];
    await topic().legacyRow(mended.row);
    const dry = await quarantine('retry');
    expect(dry.code).toBe(1);
    expect(dry.stdout).toContain('would become');
    expect(dry.stdout).toContain('decided 1, failed 1 (dry run: nothing was changed; --apply does it)');
    expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
    const applied = await quarantine('retry', '--id', mended.id, '--apply');
    expect(applied.code).toBe(0);
    expect(applied.stdout).toMatch(new RegExp(`^${mended.id} .* projected \\((history|straggler)\\)`, 'm'));
    expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
    expect(await facts('retry', '--apply', '--max-attempts', '3')).toMatchObject({
      dryRun: false,
      outcomes: { failed: 1 },
      records: [{ id: hopeless.id, attempts: 1 }],
    });
    const exhausted = await quarantine('retry', '--apply', '--max-attempts', '1');
    expect(exhausted.code).toBe(1);
    expect(exhausted.stdout).toContain('exhausted 1');
  });

  test('waive needs a name and a reason, and stays in every count', async () => {
    const { id } = await parkPartial();
    const said = ['--reason', 'a row of staging'];
    for (const args of [said, ['--by', 'me'], ['--by', ' ', ...said]]) {
      expect(await quarantine('waive', '--id', id, ...args)).toMatchObject({ code: 2, stdout: '' });
    }
    expect(await quarantine('waive', '--id', id, '--by', 'me', ...said)).toMatchObject({
      code: 0,
      stdout: `waived ${id}\n`,
    });
    const again = await quarantine('waive', '--id', id, '--by', 'me', ...said);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain(
      `error QUARANTINE_RECORD: nothing was waived: record ${id} is waived already`,
    );
    expect((await quarantine('list', '--check')).stdout).toBe(
      'open 0, waived 1 (value_unavailable 1), healed 0\n',
    );
  });

  test.each([
    ['an id that is none', ['show', 'seven'], 'seven'],
    ['an id that nothing was parked under', ['show', '999999'], 'nothing was ever parked under 999999'],
    ['a legacy id that is no UUID', ['retry', '--legacy-id', '7'], '7'],
    ['a limit of none', ['list', '--limit', '0'], '--limit'],
  ])('%s ends with 2', async (_, args, message) => {
    const { code, stdout, stderr } = await quarantine(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
