import { expect, test } from 'vitest';
import { ANSWERS, type AnswerFacts } from '../../cli/answers.ts';
import { insertStory, largeProfile, MARKER, seedOrganisations } from '../support/application-rows.ts';
import { expectedRunId } from '../support/canonical.ts';
import { usePipeline } from '../support/pipeline.ts';

const id = (n: number) => `50000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [CHANGED, NEVER_SEEN, BORN_AND_DELETED] = [id(1), id(2), id(3)];

const pipeline = usePipeline({
  partitions: 3,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertStory(pool, { id: CHANGED, profile: largeProfile(CHANGED) });
    for (let n = 100; n < 140; n++) await insertStory(pool, { id: id(n), summary: `other ${String(n)}` });
  },
});

async function explained(of: string, ...options: string[]): Promise<AnswerFacts<'explain'>> {
  const { code, stdout, stderr } = await pipeline().run(['explain', of, '--json', ...options]);
  expect(stderr).not.toContain(MARKER);
  expect(code).toBe(0);
  return ANSWERS.explain.parse(JSON.parse(stdout));
}

test('the events of a row come with their positions, and how each stands to the ledger', async () => {
  await pipeline().project();
  await pipeline().query("UPDATE agent_test_history SET summary = 'changed' WHERE id = $1", [CHANGED]);
  await pipeline().delivered();
  const waiting = await explained(CHANGED);
  expect(waiting.events).toMatchObject([
    { op: 'r', snapshot: true, ledger: 'newest', leftOut: [] },
    { op: 'u', snapshot: false, ledger: 'not_applied', leftOut: ['agentProfileJson'] },
  ]);
  expect(waiting.verdict.next).toContain('history-cdc project --until-caught-up');
  await pipeline().project();
  await pipeline().query('DELETE FROM agent_test_history WHERE id = $1', [CHANGED]);
  await pipeline().delivered();
  await pipeline().project();
  const { events, ledger } = await explained(expectedRunId(CHANGED));
  expect(events?.map((event) => [event.op, event.ledger])).toEqual([
    ['r', 'before'],
    ['u', 'before'],
    ['d', 'newest'],
    ['tombstone', 'nothing_to_apply'],
  ]);
  const [, , removal] = events ?? [];
  expect(removal).toMatchObject({ partition: ledger?.partition, offset: ledger?.offset, lsn: ledger?.lsn });
  const groups = (await pipeline().admin.listGroups()).groups.map(({ groupId }) => groupId);
  expect(groups.filter((group) => group.includes('explain'))).toEqual([]);
});

test('a row that no projector has seen is found in the topic, also one that is in no table any more', async () => {
  await insertStory(pipeline().pool, { id: NEVER_SEEN });
  await insertStory(pipeline().pool, { id: BORN_AND_DELETED });
  await pipeline().query('DELETE FROM agent_test_history WHERE id = $1', [BORN_AND_DELETED]);
  await pipeline().delivered();
  const report = await explained(NEVER_SEEN);
  expect(report.events).toMatchObject([{ op: 'c', ledger: 'not_applied' }]);
  expect(report.verdict).toEqual({
    text: expect.stringMatching(/1 event\(s\).*projected \(owner\)$/) as string,
    next: expect.stringContaining('history-cdc project --until-caught-up') as string,
  });
  const gone = await explained(BORN_AND_DELETED);
  expect(gone).toMatchObject({ known: true, identity: { kind: 'legacy_row' }, legacyRow: null });
  expect(gone.events?.map(({ op }) => op)).toEqual(['c', 'd', 'tombstone']);
});

test('an event that was passed by and left no decision calls for a replay; one in quarantine does not', async () => {
  await pipeline().project();
  await pipeline().query('DELETE FROM history_cdc.ledger WHERE legacy_id = $1', [NEVER_SEEN]);
  const lost = await explained(NEVER_SEEN);
  expect(lost.verdict.next).toContain('history-cdc replay');
  const [event] = lost.events ?? [];
  await pipeline().query(
    `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail)
     SELECT topic_id, $1, $2, $3, 'undecodable', 'of a test' FROM history_cdc.topic`,
    [event?.partition, event?.offset, NEVER_SEEN],
  );
  expect((await explained(NEVER_SEEN)).events).toMatchObject([{ ledger: 'quarantined', passed: true }]);
});

test('without the topic the rest is told all the same; an id that nothing knows ends with 1', async () => {
  expect(await explained(NEVER_SEEN, '--no-events')).toMatchObject({
    events: null,
    notes: ['events: not read, because of --no-events'],
  });
  const away = await pipeline().run(['explain', NEVER_SEEN], { KAFKA_BROKERS: '127.0.0.1:1' });
  expect(away.code).toBe(0);
  expect(away.stdout).toContain('ledger\n  none');
  expect(away.stdout).toMatch(/events: not read: no Kafka broker answers at 127\.0\.0\.1:1/);
  const unknown = await pipeline().run(['explain', id(999)]);
  expect(unknown.code).toBe(1);
  expect(unknown.stdout).toContain('no event of it is in the topic');
  expect(unknown.stdout).not.toContain('legacy row now');
});
