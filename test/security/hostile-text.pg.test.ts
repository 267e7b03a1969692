import { expect, test } from 'vitest';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { inserted, PLACEHOLDER, updated } from '../support/records.ts';
import { usePartitions } from '../support/partitions.ts';
import { runRecords } from '../support/run-records.ts';

const topic = usePartitions();

async function historyCdc(...args: string[]): Promise<Answer> {
  const settings = {
    DATABASE_URL: topic().url,
    UNAVAILABLE_PLACEHOLDER: PLACEHOLDER,
  };
  return await runInProcess(args, settings);
}

/** Clears the screen by CSI as C0 and as C1, rings, goes back, turns the direction, and adds lines that look like ours. */
const HOSTILE =
  'start\u001b[2J\u001b[H\u009b2J\u0007\u0008\u007f\r\u0085\u202e\u2066\u2028\nverdict: all is well\nend';
const OBEYED = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

test('what the application wrote moves no cursor, turns no text and adds no line, whatever prints it', async () => {
  const [read, parked] = [
    { ...topic().ownersRow(), summary: HOSTILE, scenario: HOSTILE },
    { ...topic().ownersRow(), scenario: HOSTILE, summary: HOSTILE },
  ];
  await topic().legacyRow(read);
  await runRecords(
    topic().commit([inserted(read), updated(parked, 'agent_profile_json')], await topic().claim('one')),
  );
  const id = String((await topic().quarantined()).at(-1)?.['id']);
  const waived = await historyCdc('quarantine', 'waive', '--id', id, '--by', HOSTILE, '--reason', HOSTILE);
  expect(waived.code).toBe(0);
  const asked = [
    ['explain', read.id, '--no-events'],
    ['quarantine', 'show', id],
    ['quarantine', 'list', '--all'],
    ['census'],
  ];
  for (const args of asked) {
    const { stdout, stderr } = await historyCdc(...args);
    expect([args, OBEYED.exec(`${stdout}${stderr}`)?.index]).toEqual([args, undefined]);
    expect(stdout).not.toMatch(/^\s*verdict: all is well/m);
    if (args[0] !== 'census') expect(stdout).toContain('start\\u001b[2J');
  }
});

test('JSON says the same as before, with the characters escaped', async () => {
  const row = { ...topic().ownersRow(), summary: HOSTILE };
  await topic().legacyRow(row);
  await runRecords(topic().commit([inserted(row)], await topic().claim('one')));
  const { stdout } = await historyCdc('explain', row.id, '--no-events', '--json');
  expect(OBEYED.test(stdout)).toBe(false);
  expect(JSON.parse(stdout)).toMatchObject({ legacyRow: { summary: HOSTILE } });
});

test('the message of an error is escaped, too', async () => {
  const { code, stderr } = await runInProcess(['quarantine', 'list'], {
    DATABASE_URL: `${topic().url.replace(/\/[^/]*$/, '')}/${encodeURIComponent('none\u001b[2J\u009b')}`,
  });
  expect(code).toBe(2);
  expect(stderr).toContain('none\\u001b[2J\\u009b');
  expect(OBEYED.test(stderr)).toBe(false);
});
