import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { readRequest, WORKERS, type StoredRequest } from '../../operations/requests/store.ts';
import { usePartitions } from '../support/partitions.ts';
import { PLACEHOLDER, updated, type Message } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';
import { until } from '../support/until.ts';
import { formsIn, visitConsole, type Visited } from './visitor.ts';

const topic = usePartitions();
let visited: Visited;

const settings = () => ({ DATABASE_URL: topic().url, UNAVAILABLE_PLACEHOLDER: PLACEHOLDER });

beforeEach(async () => {
  visited = await visitConsole(settings());
});
afterEach(async () => {
  await visited.close();
});

async function park(message: Message): Promise<string> {
  await runRecords(topic().commit([message], await topic().claim('one')));
  return String((await topic().quarantined()).at(-1)?.['id']);
}

async function ended(id: string): Promise<StoredRequest> {
  return await until(`request ${id} ends`, async () => {
    const request = await readRequest(topic().pool, id);
    return request?.state === 'waiting' || request?.state === 'running' ? undefined : request;
  });
}

async function requests(): Promise<number> {
  return (await topic().pool.query('SELECT FROM history_cdc.console_request')).rows.length;
}

const HOSTILE = '<img src=x onerror=alert(1)>\u202e"\'';

describe('the quarantine page', () => {
  test('retries a record: first the dry run, then exactly this; the log of actions names the person', async () => {
    const row = topic().ownersRow();
    const id = await park(updated(row, 'summary'));
    await topic().legacyRow(row);
    const dry = await visited.send(`/quarantine/${id}`, 'Try to retry it (dry run)');
    expect(await ended(dry)).toMatchObject({
      ...{ state: 'done', applies: false, performedBy: 'Ada' },
      result: { records: [{ id, outcome: 'decided', decision: 'projected' }] },
    });
    expect((await topic().quarantined())[0]).toMatchObject({ healed_at: null });
    const applied = await visited.send(`/requests/${dry}`, 'Apply exactly this');
    expect(await ended(applied)).toMatchObject({ state: 'done', applies: true, follows: dry });
    expect((await topic().quarantined())[0]).toMatchObject({ healed_at: expect.any(String) as string });
    expect(await listActions(topic().pool, 1)).toMatchObject([
      { command: 'quarantine retry', performed_by: 'Ada' },
    ]);
    expect(formsIn((await visited.page(`/requests/${applied}`)).text)).toEqual([]);
  });

  test('waives a record with name and reason, which stand on the page as they were written', async () => {
    const id = await park(updated(topic().ownersRow(), 'summary'));
    const waived = await visited.send(`/quarantine/${id}`, 'Waive this record', { 'arg.reason': HOSTILE });
    expect(await ended(waived)).toMatchObject({ state: 'done' });
    const [record] = await topic().quarantined();
    expect(record).toMatchObject({ waived_by: 'Ada', waive_reason: HOSTILE });
    for (const path of ['/quarantine?all=yes', `/quarantine/${id}`, `/requests/${waived}`, '/requests']) {
      const { status, text } = await visited.page(path);
      expect(status, path).toBe(200);
      expect(text, path).not.toContain('<img src=x');
      expect(text, path).not.toContain('\u202e');
    }
    const again = await visited.post({
      ...(formsIn((await visited.page('/findings')).text)[0]?.hidden ?? {}),
      ...{ form_id: randomUUID(), command: 'quarantine waive', 'arg.ids': id, 'arg.reason': 'twice' },
    });
    const second = /\d+$/.exec(again.headers.get('location') ?? '')?.[0] ?? '';
    expect(await ended(second)).toMatchObject({ state: 'failed', result: { code: 'QUARANTINE_RECORD' } });
  });

  test('hides the content until somebody who may see it asks for it', async () => {
    const row = topic().ownersRow();
    const id = await park(updated(row, 'summary'));
    const marker = row.scenario;
    expect((await visited.page(`/quarantine/${id}`)).text).not.toContain(marker);
    expect((await visited.page(`/quarantine/${id}?values=shown`)).text).toContain(marker);
    expect((await visited.page(`/quarantine/${id}?values=shown`, null)).text).not.toContain(marker);
  });
});

describe('what is asked for', () => {
  test('is refused for who is not signed in, for a form of somebody else, and where actions are off', async () => {
    const before = await requests();
    const id = await park(updated(topic().ownersRow(), 'summary'));
    const page = (await visited.page(`/quarantine/${id}`)).text;
    const form = { ...(formsIn(page).at(-1)?.hidden ?? {}), 'arg.reason': 'x' };
    expect((await visited.post(form, null)).status).toBe(403);
    expect((await visited.post(form, 'Bob')).status).toBe(403);
    expect((await visited.post({ ...form, csrf: '' })).status).toBe(403);
    const off = await visitConsole(settings(), { actions: false });
    for (const path of ['/quarantine', `/quarantine/${id}`, '/findings', '/snapshots', '/soak', '/requests'])
      expect(formsIn((await off.page(path)).text), path).toEqual([]);
    expect((await off.post(form, null)).status).toBe(403);
    await off.close();
    expect(await requests()).toBe(before);
  });

  test('is one request if the form is sent twice', async () => {
    const [form] = formsIn((await visited.page('/findings')).text);
    const both = await Promise.all([visited.post(form?.hidden ?? {}), visited.post(form?.hidden ?? {})]);
    const [first, second] = both.map(({ headers }) => headers.get('location'));
    expect(first).toMatch(/^\/requests\/\d+$/);
    expect(second).toBe(first);
  });

  test('is not applied without its dry run, nor after the dry run of something else', async () => {
    const ids = [
      await park(updated(topic().ownersRow(), 'summary')),
      await park(updated(topic().ownersRow(), 'summary')),
    ];
    const [form] = formsIn((await visited.page(`/quarantine/${ids[0] ?? ''}`)).text);
    const apply = { ...form?.hidden, applies: 'yes' };
    expect((await visited.post({ ...apply, form_id: randomUUID() })).status).toBe(422);
    const dry = await visited.send(`/quarantine/${ids[0] ?? ''}`, 'Try to retry it (dry run)');
    await ended(dry);
    const other = { ...apply, form_id: randomUUID(), follows: dry, 'arg.ids': ids[1] ?? '' };
    expect((await visited.post(other)).status).toBe(422);
  });

  test('with a wrong field is not taken, and the page names the field', async () => {
    const [form] = formsIn((await visited.page('/findings')).text);
    const answer = await visited.post({ ...form?.hidden, command: 'soak attest', 'arg.condition': 'parity' });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain('condition');
    expect((await visited.post({ ...form?.hidden, command: 'undo' })).status).toBe(422);
  });

  test('and was begun by a console that was killed is shown as interrupted, and a person repeats it', async () => {
    await visited.close();
    const { rows } = await topic().pool.query<{ id: string }>(
      `INSERT INTO history_cdc.console_request (performed_by, form_id, command, applies, arguments)
       VALUES ('Ada', $1, 'soak explain', true, '{"ids": ["999999"], "reason": "x"}') RETURNING id::text`,
      [randomUUID()],
    );
    const id = rows[0]?.id ?? '';
    await topic().pool.query(
      "INSERT INTO history_cdc.console_request_event (request_id, event) VALUES ($1, 'begun')",
      [id],
    );
    expect(await readRequest(topic().pool, id)).toMatchObject({ state: 'interrupted' });
    visited = await visitConsole(settings());
    await until('it is written down', async () => {
      const events = await topic().pool.query(
        'SELECT 1 FROM history_cdc.console_request_event WHERE request_id = $1',
        [id],
      );
      return events.rows.length === 2;
    });
    const again = await visited.send(`/requests/${id}`, 'Repeat');
    expect(await ended(again)).toMatchObject({
      state: 'failed',
      follows: id,
      result: { code: 'SOAK_REFUSED' },
    });
  });

  test('and closed the browser is carried out all the same, and every row of it stays', async () => {
    const { rows } = await topic().pool.query<{ id: string }>(
      `INSERT INTO history_cdc.console_request (performed_by, form_id, command, applies, arguments)
       VALUES ('Ada', $1, 'soak explain', true, '{"ids": ["999999"], "reason": "x"}') RETURNING id::text`,
      [randomUUID()],
    );
    const request = await ended(rows[0]?.id ?? '');
    expect(request).toMatchObject({ state: 'failed', result: { code: 'SOAK_REFUSED' } });
    await expect(topic().pool.query('DELETE FROM history_cdc.console_request_event')).rejects.toThrow(
      'append-only',
    );
  });
});

test('a short request passes by a long one, which takes its turn among those of its kind', async () => {
  const other = await topic().pool.connect();
  try {
    // As another console that compares everything.
    await other.query(`SELECT pg_advisory_lock(${WORKERS.long})`);
    const long = await visited.send('/findings', 'Compare everything now');
    const { rows } = await topic().pool.query<{ id: string }>(
      `INSERT INTO history_cdc.console_request (performed_by, form_id, command, applies, arguments)
       VALUES ('Ada', $1, 'soak explain', true, '{"ids": ["999999"], "reason": "x"}') RETURNING id::text`,
      [randomUUID()],
    );
    expect(await ended(rows[0]?.id ?? '')).toMatchObject({ state: 'failed' });
    expect(await readRequest(topic().pool, long)).toMatchObject({ state: 'waiting' });
    await other.query(`SELECT pg_advisory_unlock(${WORKERS.long})`);
    await until(
      'the long one begins',
      async () => (await readRequest(topic().pool, long))?.state !== 'waiting',
    );
  } finally {
    other.release(true);
  }
});

test('the overview says since when the clock of a condition runs', async () => {
  await topic().pool.query(
    `INSERT INTO history_cdc.soak_look (conditions, since) VALUES ($1, $2)
     ON CONFLICT (is_only) DO UPDATE SET at = clock_timestamp(), conditions = excluded.conditions, since = excluded.since`,
    [{ parity: 'met' }, { parity: '2026-11-02T03:04:05.000Z' }],
  );
  const text = await until('the first look has ended', async () => {
    const page = (await visited.page('/')).text;
    return page.includes('May the table go?') ? page : undefined;
  });
  expect(text).toContain('<time datetime="2026-11-02T03:04:05.000Z">2026-11-02 03:04</time>');
});

describe('the soak page', () => {
  test('attests, takes back and explains, with the name of the person', async () => {
    const attested = await visited.send('/soak', 'Attest third-party-plan', {
      'arg.since': '2026-11-01',
      'arg.note': HOSTILE,
    });
    expect(await ended(attested)).toMatchObject({ state: 'done' });
    expect((await visited.page('/soak')).text).not.toContain('<img src=x');
    const revoked = await visited.send('/soak', 'Take third-party-plan back', { 'arg.note': 'rolled back' });
    expect(await ended(revoked)).toMatchObject({ state: 'done' });
    const { rows } = await topic().pool.query(
      'SELECT performed_by, condition, revoked FROM history_cdc.attestation ORDER BY id',
    );
    expect(rows).toEqual([
      { performed_by: 'Ada', condition: 'third-party-plan', revoked: false },
      { performed_by: 'Ada', condition: 'third-party-plan', revoked: true },
    ]);
  });
});

describe('the findings page', () => {
  test('starts a comparison; a console that is stopped meanwhile leaves it interrupted, and the page says so', async () => {
    // A row without a decision: the comparison waits for the stream.
    await topic().legacyRow(topic().ownersRow());
    const compared = await visited.send('/findings', 'Compare everything now');
    await until('it runs', async () => (await readRequest(topic().pool, compared))?.state === 'running');
    await visited.close();
    visited = await visitConsole(settings());
    expect(await ended(compared)).toMatchObject({ state: 'interrupted' });
    expect((await visited.page(`/requests/${compared}`)).text).toContain('interrupted');
  });

  test('shows the last verdict, each kind, and every id of a kind', async () => {
    const { rows } = await topic().pool.query<{ id: string }>(
      `INSERT INTO history_cdc.reconcile_run (rule_version, phase, verdict, finished_at, scope, accept_rules)
       VALUES (1, 'done', 'wrong', clock_timestamp(), 'whole', $1) RETURNING id::text`,
      [JSON.stringify([{ id: 'r1', owner: HOSTILE, reason: 'a pilot', expires: '2999-01-31' }])],
    );
    const legacyId = randomUUID();
    await topic().pool.query(
      `INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id, fields, state)
       VALUES ($1, 'legacy', 'different', $2, $3, 'confirmed')`,
      [rows[0]?.id, legacyId, [HOSTILE]],
    );
    await topic().pool.query(
      `INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id, fields, state, accepted_by)
       VALUES ($1, 'legacy', 'unseen', $2, '{}', 'confirmed', 'r1')`,
      [rows[0]?.id, randomUUID()],
    );
    const { text } = await visited.page('/findings?kind=different');
    expect(text).toContain(`Run ${rows[0]?.id ?? ''}`);
    expect(text).toContain(legacyId);
    expect(text).toContain('2999-01-31');
    expect(text).toContain('a pilot');
    expect(text).not.toContain('<img src=x');
  });
});

describe('the snapshots page', () => {
  test('says that nothing is known where Kafka is not there, and a start then fails by name', async () => {
    const { status, text } = await until('the services were asked', async () => {
      const page = await visited.page('/snapshots');
      return page.text.includes('The services are being asked') ? undefined : page;
    });
    expect(status).toBe(200);
    expect(text).toContain('Nothing is known about snapshots');
    const [form] = formsIn((await visited.page('/findings')).text);
    const answer = await visited.post({ ...form?.hidden, command: 'snapshot start', 'arg.scope': 'table' });
    const id = /\d+$/.exec(answer.headers.get('location') ?? '')?.[0] ?? '';
    expect(await ended(id)).toMatchObject({ state: 'failed', result: { code: 'CONFIG_INVALID' } });
  });
});
